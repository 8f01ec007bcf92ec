package world

// Policy is the policy of an ordinary [World].
const Policy = `
version: 1
defaults: {timezone: Europe/Berlin, pending_ttl: 8h, remind_after: 15m, max_duration: 8h, default_duration: 1h, warn_before: 10m}
groups:
  payments: [ann@example.com, bo@example.com]
  platform: [cy@example.com, di@example.com]
  contractors: [con@example.com]
on_call:
  primary: {rotation: {start: "2026-01-05T09:00", every: 7d, members: [cy@example.com, di@example.com]}}
resources:
  prod-db:
    description: Orders database, production
    sensitivity: high
    labels: {env: prod}
    entitlements:
      - aws_session: {role: "arn:aws:iam::111122223333:role/ProdDB"}
      - aws_iam_group: {account: "111122223333", group: prod-db-operators}
  prod-logs:
    description: Logs of production
    labels: {env: prod}
    entitlements:
      - aws_session: {role: "arn:aws:iam::111122223333:role/Logs"}
  staging:
    description: Staging machines
    sensitivity: low
    labels: {env: staging}
    entitlements:
      - aws_iam_group: {account: "111122223333", group: staging-operators}
bundles:
  prod-all: [prod-db, prod-logs]
rules:
  - id: on-call-incident
    match: {resource: "prod-*"}
    eligible: [oncall:primary]
    require: {reason: '(?i)\b(incident|INC-\d+)\b'}
    max_duration: 1h
    auto_approve: {per_person: 3/24h}
  - id: prod-by-approval
    match: {labels: {env: prod}}
    eligible: [group:payments, group:platform]
    require: {reason: '.{5,}'}
    max_duration: 4h
    approvals: {count: 1, from: [group:payments, oncall:primary]}
    notify: {channel: access-prod}
    escalate: {after: 40m, to: [group:platform]}
    extend: {max_total: 6h}
    break_glass: {eligible: [group:platform], max_duration: 1h, review_within: 24h}
  - id: staging-at-will
    match: {resource: staging}
    eligible: [everyone]
    max_duration: 8h
    auto_approve: true
    extend: {max_total: 8h}
  - id: contractors-never
    match: {sensitivity: high}
    eligible: [group:contractors]
    deny: Contractors get no high-sensitivity resources; ask your sponsor.
`
