package analysis

import "strings"

// HighRisk reports whether an action is one of those that a receipt always
// names, however often it was seen before: it gives rights or keys that stay,
// opens something to the world, stops the log, or reads what others rely on
// being secret.
func HighRisk(action string) bool {
	service, name, _ := strings.Cut(action, ":")
	switch service {
	case "iam":
		return riskyIAM(name)
	case "cloudtrail":
		return name == "StopLogging" || name == "DeleteTrail" || name == "UpdateTrail" || name == "PutEventSelectors"
	case "s3":
		return name == "PutBucketPolicy" || name == "PutBucketAcl" || name == "PutBucketPublicAccessBlock" || name == "DeleteBucketPublicAccessBlock"
	case "kms":
		return name == "PutKeyPolicy" || name == "CreateGrant" || name == "ScheduleKeyDeletion" || name == "DisableKey"
	case "sts":
		return name == "GetFederationToken"
	case "ec2":
		return name == "AuthorizeSecurityGroupIngress" || name == "ModifySnapshotAttribute" || name == "ModifyImageAttribute" || name == "DeleteFlowLogs"
	case "rds":
		return name == "ModifyDBSnapshotAttribute"
	case "lambda":
		return strings.HasPrefix(name, "AddPermission") || strings.HasPrefix(name, "UpdateFunctionCode")
	case "secretsmanager":
		return name == "PutResourcePolicy"
	case "guardduty":
		return name == "DeleteDetector" || name == "UpdateDetector"
	case "config":
		return name == "StopConfigurationRecorder" || name == "DeleteConfigurationRecorder"
	case "organizations":
		return name == "LeaveOrganization" || name == "DetachPolicy"
	case "postgres":
		return riskySQL(strings.ToUpper(name))
	case "k8s":
		return strings.Contains(name, "rolebindings") && !strings.HasPrefix(name, "get") && !strings.HasPrefix(name, "list") && !strings.HasPrefix(name, "watch")
	}
	return false
}

// riskyIAM are the actions of IAM that give somebody something that stays.
func riskyIAM(name string) bool {
	switch name {
	case "CreateAccessKey", "CreateLoginProfile", "UpdateLoginProfile", "CreateUser", "CreateRole", "AddUserToGroup",
		"AttachRolePolicy", "AttachUserPolicy", "AttachGroupPolicy", "PutRolePolicy", "PutUserPolicy", "PutGroupPolicy",
		"UpdateAssumeRolePolicy", "CreatePolicyVersion", "SetDefaultPolicyVersion", "DeactivateMFADevice", "DeleteRolePermissionsBoundary",
		"DeleteUserPermissionsBoundary", "CreateServiceSpecificCredential", "UploadSSHPublicKey", "CreateOpenIDConnectProvider", "CreateSAMLProvider":
		return true
	}
	return false
}

func riskySQL(name string) bool {
	for _, start := range []string{"ROLE", "GRANT", "REVOKE", "CREATE ROLE", "ALTER ROLE", "DROP ROLE", "ALTER SYSTEM", "PG_READ_FILE", "PG_READ_BINARY_FILE", "COPY PROGRAM"} {
		if strings.HasPrefix(name, start) {
			return true
		}
	}
	return false
}
