// Package aws gives and takes back access in AWS accounts.
//
// It knows two kinds of entitlement:
//
//   - aws_iam_group makes the person's IAM user a member of an IAM group. The
//     membership does not end by itself: while jitbot is down it stays, and it
//     is taken back when jitbot is up again.
//   - aws_session lets the holder assume an IAM role. Nothing is opened until
//     the holder asks; then AssumeRole gives credentials named after the
//     grant, with the person as source identity and the grant as session tags.
//     They end by themselves, also while jitbot is down, at the end the grant
//     had when they were given out, or after the 15 minutes that AWS allows at
//     least. To end them sooner, and to make sure that they do end, jitbot
//     lists the grant in a deny: the inline policy jitbot-ended-grants of the
//     role, the only thing this package ever writes to a role. An id leaves
//     the list once its credentials must have expired.
//
// A role has room for the names of nearly 400 ended grants. Where it is full,
// the deny stops all sessions of the role that were opened before that moment
// instead, also those of grants that go on: their holders ask for credentials
// again. So give jitbot roles that nobody else opens sessions of.
//
// What a session set up while it was open is not undone: IAM users and keys it
// made, sessions of other roles it took, connections that are open. Forbid
// these in the role's permissions, its boundary or the session policy.
//
// [LeastPrivilege] writes the permissions that jitbot itself needs.
package aws
