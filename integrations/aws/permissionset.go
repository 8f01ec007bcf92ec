package aws

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin"
)

// permissionSet is what was read of one.
type permissionSet struct {
	arn, name string
	session   time.Duration // how long its role sessions are
}

const defaultSetSession = time.Hour

var (
	setARN     = regexp.MustCompile(`^(arn:aws[a-z-]*:sso:::)(?:permissionSet|instance)/((?:sso)?ins-[a-zA-Z0-9.-]{16})/ps-[a-zA-Z0-9.-]{16}$`)
	setName    = regexp.MustCompile(`^[\w+=,.@-]{1,32}$`)
	isoSession = regexp.MustCompile(`^PT(?:(\d{1,4})H)?(?:(\d{1,4})M)?(?:(\d{1,5})S)?$`)
)

// instanceOf is the instance that a permission set's ARN names.
func instanceOf(arn string) string {
	m := setARN.FindStringSubmatch(arn)
	if m == nil {
		return ""
	}
	return m[1] + "instance/" + m[2]
}

// parseSession reads how long a permission set's sessions are: PT8H30M.
func parseSetSession(text string) (time.Duration, error) {
	if text == "" {
		return defaultSetSession, nil
	}
	m := isoSession.FindStringSubmatch(text)
	if m == nil || text == "PT" {
		return 0, fmt.Errorf("a session duration of %q cannot be read", text)
	}
	var d time.Duration
	for i, unit := range []time.Duration{time.Hour, time.Minute, time.Second} {
		if n, err := strconv.Atoi(m[i+1]); err == nil { // at most five digits; empty is none
			d += time.Duration(n) * unit
		}
	}
	return d, nil
}

// describeSet reads a permission set, unless it was read a short while ago.
func (p *Provisioner) describeSet(ctx context.Context, client *ssoadmin.Client, instance, arn string) (permissionSet, error) {
	if s, ok := p.sets.get(arn); ok {
		return s, nil
	}
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	out, err := client.DescribePermissionSet(ctx, &ssoadmin.DescribePermissionSetInput{InstanceArn: &instance, PermissionSetArn: &arn})
	if err != nil {
		return permissionSet{}, fmt.Errorf("read permission set %s: %w", arn, err)
	}
	if out.PermissionSet == nil {
		return permissionSet{}, fmt.Errorf("read permission set %s: AWS answered without it", arn)
	}
	s := permissionSet{arn: arn, name: aws.ToString(out.PermissionSet.Name)}
	if s.session, err = parseSetSession(aws.ToString(out.PermissionSet.SessionDuration)); err != nil {
		return permissionSet{}, fmt.Errorf("read permission set %s: %w", arn, err)
	}
	p.sets.put(arn, s)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.setNames[arn] = s.name
	return s, nil
}

// allSets reads the ARNs of all permission sets, to the last page.
func (p *Provisioner) allSets(ctx context.Context, client *ssoadmin.Client, instance string) ([]string, error) {
	var all []string
	pages := ssoadmin.NewListPermissionSetsPaginator(client, &ssoadmin.ListPermissionSetsInput{InstanceArn: &instance})
	for pages.HasMorePages() {
		part, err := p.nextSets(ctx, pages)
		if err != nil {
			return nil, fmt.Errorf("list permission sets: %w", err)
		}
		all = append(all, part.PermissionSets...)
	}
	return all, nil
}

func (p *Provisioner) nextSets(ctx context.Context, pages *ssoadmin.ListPermissionSetsPaginator) (*ssoadmin.ListPermissionSetsOutput, error) {
	ctx, cancel := p.clients.Deadline(ctx)
	defer cancel()
	return pages.NextPage(ctx) //nolint:wrapcheck // wrapped by the only caller
}

// setNamed is the ARN of the permission set of a name; empty: there is none.
// AWS knows no way to ask for one: all are read.
func (p *Provisioner) setNamed(ctx context.Context, client *ssoadmin.Client, instance, name string) (string, error) {
	key := instance + " " + name
	if arn, ok := p.named.get(key); ok {
		return arn, nil
	}
	all, err := p.allSets(ctx, client, instance)
	if err != nil {
		return "", err
	}
	for _, arn := range all {
		s, err := p.describeSet(ctx, client, instance, arn)
		if err != nil {
			return "", err
		}
		p.named.put(instance+" "+s.name, arn)
		if s.name == name {
			return arn, nil
		}
	}
	return "", nil
}

// setGone says whether a permission set does not exist any more, which takes
// reading all there are: an error that says so may mean something else.
func (p *Provisioner) setGone(ctx context.Context, client *ssoadmin.Client, instance, arn string) (bool, error) {
	all, err := p.allSets(ctx, client, instance)
	return err == nil && !slices.Contains(all, arn), err
}
