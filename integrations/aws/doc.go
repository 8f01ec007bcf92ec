// Package aws gives and takes back access in AWS accounts.
//
// It knows four kinds of entitlement:
//
//   - aws_iam_group makes the person's IAM user a member of an IAM group. The
//     membership does not end by itself: while jitbot is down it stays, and it
//     is taken back when jitbot is up again.
//
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
//   - aws_account_assignment assigns the person a permission set of IAM
//     Identity Center in an account. It does not end by itself. AWS works on
//     each assignment for seconds to minutes; it is there, or gone, when the
//     list of assignments says so. A role session that is open when it ends
//     goes on for as long as the permission set says: its roles cannot be cut.
//
//   - aws_identity_store_group makes the person a member of a group of Identity
//     Center, and with it of every account the group is assigned to. The same
//     holds for open sessions.
//
// Calls to each API keep to one pace for all grants, at which what ends comes
// first: see pace.go.
//
// A role has room for the names of nearly 400 ended grants. Where it is full,
// the deny stops all sessions of the role that were opened before that moment
// instead, also those of grants that go on: their holders ask for credentials
// again. So give jitbot roles that nobody else opens sessions of.
//
// What a session set up while it was open is not undone: IAM users and keys it
// made, sessions of other roles it took, connections that are open. Forbid
// these in the role's permissions, its boundary or the session policy. A role
// that jitbot alone may assume is not taken that way; a check says which are.
//
// Roles that belong to AWS are refused, as nobody may write a deny on them:
// those of IAM Identity Center and of AWS's own services.
//
// There is one hub, jitbot's own credentials, which opens the sessions of all
// accounts' roles. Where these are a role's, AWS opens none longer than an hour
// (role chaining); holders ask again while their grant lasts. Groups and denies
// of another account are changed in a session of the role that
// [Config.Accounts] names there.
//
// [Rights] writes the permissions that jitbot needs in each account, and the
// trust policies that let it in.
package aws
