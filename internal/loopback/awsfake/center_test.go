package awsfake

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/identitystore"
	storedoc "github.com/aws/aws-sdk-go-v2/service/identitystore/document"
	storetypes "github.com/aws/aws-sdk-go-v2/service/identitystore/types"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin/types"
	"github.com/google/go-cmp/cmp"
)

const (
	instance = "arn:aws:sso:::instance/ssoins-0123456789abcdef"
	adminSet = "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-00000000000000ad"
	storeOf  = "d-0123456789"
)

type centerWorld struct {
	*world
	sso   *ssoadmin.Client
	store *identitystore.Client
}

func setupCenter(t *testing.T, adjust ...func(*Config)) *centerWorld {
	t.Helper()
	w := setup(t, append([]func(*Config){func(c *Config) {
		c.Center = Center{
			Instance: instance, IdentityStore: storeOf, PermissionSets: []PermissionSet{{ARN: adminSet, Name: "Admin", Session: 2 * time.Hour}},
			Users: []StoreUser{{UserName: "ann", Email: "ann@example.com"}, {UserName: "bo"}}, Groups: []StoreGroup{{Name: "Operators", External: true}},
		}
	}}, adjust...)...)
	cfg := aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(w.url), Credentials: credentials.NewStaticCredentialsProvider("AKIAHUB", "hub-secret", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
	return &centerWorld{w, ssoadmin.NewFromConfig(cfg), identitystore.NewFromConfig(cfg)}
}

func (w *centerWorld) create(ctx context.Context, user string) (*types.AccountAssignmentOperationStatus, error) {
	out, err := w.sso.CreateAccountAssignment(ctx, &ssoadmin.CreateAccountAssignmentInput{
		InstanceArn: aws.String(instance), PermissionSetArn: aws.String(adminSet), PrincipalType: types.PrincipalTypeUser,
		PrincipalId: aws.String(user), TargetId: aws.String("111122223333"), TargetType: types.TargetTypeAwsAccount,
	})
	if err != nil {
		return nil, err
	}
	return out.AccountAssignmentCreationStatus, nil
}

func (w *centerWorld) status(t *testing.T, id *string) *types.AccountAssignmentOperationStatus {
	t.Helper()
	out, err := w.sso.DescribeAccountAssignmentCreationStatus(t.Context(), &ssoadmin.DescribeAccountAssignmentCreationStatusInput{
		InstanceArn: aws.String(instance), AccountAssignmentCreationRequestId: id,
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.AccountAssignmentCreationStatus
}

func (w *centerWorld) user(t *testing.T, path, value string) (string, error) {
	t.Helper()
	out, err := w.store.GetUserId(t.Context(), &identitystore.GetUserIdInput{
		IdentityStoreId: aws.String(storeOf), AlternateIdentifier: &storetypes.AlternateIdentifierMemberUniqueAttribute{
			Value: storetypes.UniqueAttribute{AttributePath: aws.String(path), AttributeValue: storedoc.NewLazyDocument(value)},
		},
	})
	if err != nil {
		return "", err
	}
	return *out.UserId, nil
}

func TestUsersOfTheStoreAreFoundByNameAndByEMail(t *testing.T) {
	t.Parallel()
	w := setupCenter(t)
	byName, err := w.user(t, "userName", "Ann")
	byMail, err2 := w.user(t, "emails.value", "ann@example.com")
	if err := errors.Join(err, err2); err != nil || byName != byMail {
		t.Fatalf("%q and %q, %v", byName, byMail, err)
	}
	var missing *storetypes.ResourceNotFoundException
	if _, err := w.user(t, "userName", "eve"); !errors.As(err, &missing) || missing.ResourceType != storetypes.ResourceTypeUser {
		t.Errorf("got %v", err)
	}
	u, err := w.store.DescribeUser(t.Context(), &identitystore.DescribeUserInput{IdentityStoreId: aws.String(storeOf), UserId: &byName})
	if err != nil || *u.UserName != "ann" || *u.Emails[0].Value != "ann@example.com" {
		t.Errorf("%+v, %v", u, err)
	}
	g, err := w.store.DescribeGroup(t.Context(), &identitystore.DescribeGroupInput{IdentityStoreId: aws.String(storeOf), GroupId: aws.String(storeID("Operators"))})
	if err != nil || len(g.ExternalIds) != 1 {
		t.Errorf("%+v, %v", g, err)
	}
}

func TestAnAssignmentIsThereWhenItsOperationIsOver(t *testing.T) {
	t.Parallel()
	w := setupCenter(t, func(c *Config) { c.Center.Takes = time.Minute })
	op, err := w.create(t.Context(), storeID("ann"))
	if err != nil || op.Status != types.StatusValuesInProgress {
		t.Fatal(op, err)
	}
	if _, err := w.create(t.Context(), storeID("bo")); code(err) != "ConflictException" {
		t.Errorf("two of one account at once: %v", err)
	}
	if s := w.status(t, op.RequestId); s.Status != types.StatusValuesInProgress || len(w.Assigned("111122223333", adminSet)) > 0 {
		t.Errorf("before it is over: %s, %v", s.Status, w.Assigned("111122223333", adminSet))
	}
	w.clock.pass(time.Minute)
	if s := w.status(t, op.RequestId); s.Status != types.StatusValuesSucceeded {
		t.Errorf("then: %s", s.Status)
	}
	if diff := cmp.Diff([]string{"ann"}, w.Assigned("111122223333", adminSet)); diff != "" {
		t.Error(diff)
	}
	if n := w.Refused(); n != 1 {
		t.Errorf("%d calls refused, want the one", n)
	}
}

func TestAnOperationCanFailOrLie(t *testing.T) {
	t.Parallel()
	w := setupCenter(t)
	w.Break("CreateAccountAssignment", Fail, 1)
	w.Break("CreateAccountAssignment", Lie, 1)
	for _, want := range []types.StatusValues{types.StatusValuesFailed, types.StatusValuesSucceeded} {
		op, err := w.create(t.Context(), storeID("ann"))
		if err != nil {
			t.Fatal(err)
		}
		if s := w.status(t, op.RequestId); s.Status != want || (s.FailureReason != nil) != (want == types.StatusValuesFailed) {
			t.Errorf("%s, want %s", s.Status, want)
		}
		if got := w.Assigned("111122223333", adminSet); len(got) > 0 {
			t.Errorf("and it had an effect: %v", got)
		}
	}
	op, err := w.create(t.Context(), storeID("eve"))
	if err != nil {
		t.Fatal(err)
	}
	if s := w.status(t, op.RequestId); s.Status != types.StatusValuesFailed {
		t.Errorf("somebody who is not there: %s", s.Status)
	}
}

func TestCallsAboveTheRateAreCountedAndRefused(t *testing.T) {
	t.Parallel()
	w := setupCenter(t, func(c *Config) { c.Center.Rate, c.Center.Burst = 20, 3 })
	list := func() error {
		_, err := w.sso.ListInstances(t.Context(), nil)
		return err
	}
	for range 3 {
		if err := list(); err != nil {
			t.Fatal(err)
		}
	}
	if err := list(); code(err) != "ThrottlingException" || w.Refused() != 1 {
		t.Errorf("%v, %d refused", err, w.Refused())
	}
	w.clock.pass(50 * time.Millisecond)
	if err := list(); err != nil {
		t.Errorf("a twentieth of a second later: %v", err)
	}
}

func TestWhatIdentityCenterHoldsOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	w := setupCenter(t, func(c *Config) { c.StateFile = file })
	if err := w.Assign(Assignment{Account: "111122223333", PermissionSet: adminSet, User: "bo"}); err != nil {
		t.Fatal(err)
	}
	if err := w.JoinStore("Operators", "ann"); err != nil {
		t.Fatal(err)
	}
	again := setupCenter(t, func(c *Config) { c.StateFile = file })
	if diff := cmp.Diff([][]string{{"bo"}, {"ann"}}, [][]string{again.Assigned("111122223333", adminSet), again.StoreMembers("Operators")}); diff != "" {
		t.Error(diff)
	}
}

func TestIdentityCenterAnswersInItsHomeRegionOnly(t *testing.T) {
	t.Parallel()
	w := setupCenter(t, func(c *Config) { c.Center.Region = "us-west-2" })
	out, err := w.sso.ListInstances(t.Context(), nil)
	if err != nil || len(out.Instances) != 0 {
		t.Errorf("%v, %v", out, err)
	}
	var missing *storetypes.ResourceNotFoundException
	if _, err := w.user(t, "userName", "ann"); !errors.As(err, &missing) || missing.ResourceType != storetypes.ResourceTypeIdentityStore {
		t.Errorf("got %v", err)
	}
}

func TestAnUnknownOperationOfTheJSONProtocolIsRefused(t *testing.T) {
	t.Parallel()
	w := setupCenter(t)
	if _, err := w.sso.DeletePermissionSet(t.Context(), &ssoadmin.DeletePermissionSetInput{InstanceArn: aws.String(instance), PermissionSetArn: aws.String(adminSet)}); code(err) != "UnknownOperationException" {
		t.Errorf("got %v", err)
	}
}
