package simulate

// deedKind is something that can be done.
type deedKind struct {
	action string
	write  bool
	data   bool // with data: many logs do not tell of it
}

// services are what resources give, each with what is done in it, the most
// frequent first.
var services = map[string][]deedKind{
	"rds":        {{"rds:DescribeDBInstances", false, false}, {"rds:DescribeEvents", false, false}, {"rds:ListTagsForResource", false, false}, {"rds:ModifyDBInstance", true, false}, {"rds:RebootDBInstance", true, false}},
	"s3":         {{"s3:GetObject", false, true}, {"s3:ListBuckets", false, false}, {"s3:PutObject", true, true}, {"s3:GetBucketPolicy", false, false}},
	"logs":       {{"logs:GetLogEvents", false, false}, {"logs:FilterLogEvents", false, false}, {"logs:DescribeLogGroups", false, false}, {"logs:StartQuery", false, false}},
	"ec2":        {{"ec2:DescribeInstances", false, false}, {"ec2:DescribeSecurityGroups", false, false}, {"ec2:RebootInstances", true, false}, {"ec2:CreateTags", true, false}},
	"ecs":        {{"ecs:DescribeServices", false, false}, {"ecs:ListTasks", false, false}, {"ecs:UpdateService", true, false}, {"ecs:StopTask", true, false}},
	"dynamodb":   {{"dynamodb:Query", false, true}, {"dynamodb:DescribeTable", false, false}, {"dynamodb:PutItem", true, true}, {"dynamodb:UpdateTable", true, false}},
	"sqs":        {{"sqs:GetQueueAttributes", false, false}, {"sqs:ListQueues", false, false}, {"sqs:PurgeQueue", true, false}},
	"cloudwatch": {{"cloudwatch:GetMetricData", false, false}, {"cloudwatch:DescribeAlarms", false, false}, {"cloudwatch:PutMetricAlarm", true, false}},
	"ssm":        {{"ssm:GetParameter", false, false}, {"ssm:DescribeInstanceInformation", false, false}, {"ssm:StartSession", true, false}},
}

// serviceNames is in a fixed order.
var serviceNames = []string{"rds", "logs", "ec2", "ecs", "cloudwatch", "ssm", "sqs", "s3", "dynamodb"}

// plainServices have no data that goes unlogged.
var plainServices = serviceNames[:6]

// rare writes that ordinary work does not need.
var strange = []string{"iam:CreateAccessKey", "iam:AttachRolePolicy", "kms:ScheduleKeyDeletion", "cloudtrail:StopLogging", "ec2:ModifySnapshotAttribute", "s3:PutBucketPolicy"}
