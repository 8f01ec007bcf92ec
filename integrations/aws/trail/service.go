package trail

import "strings"

// serviceOf is the service of an event source, by its prefix in IAM.
func serviceOf(source string) string {
	name := strings.TrimSuffix(source, ".cn")
	name = strings.TrimSuffix(name, ".amazonaws.com")
	switch name { // those whose name in CloudTrail is another
	case "monitoring":
		return "cloudwatch"
	case "tagging":
		return "tag"
	case "email":
		return "ses"
	case "cloudhsmv2":
		return "cloudhsm"
	case "rdsdata":
		return "rds-data"
	case "iotdata":
		return "iot"
	case "runtime.lex", "runtime-v2-lex", "models.lex", "models-v2-lex":
		return "lex"
	case "runtime.sagemaker":
		return "sagemaker"
	case "entitlement.marketplace", "metering.marketplace", "catalog.marketplace", "discovery-marketplace":
		return "aws-marketplace"
	case "servicecatalog-appregistry":
		return "servicecatalog"
	case "application-insights":
		return "applicationinsights"
	case "awsmobilehubservice":
		return "mobilehub"
	}
	return name
}
