// Package k8saudit is the contextual log of a Kubernetes cluster: the audit
// events (audit.k8s.io/v1) that its API server writes, as JSON lines or lists.
// It needs to read the files and nothing else. Level Metadata is enough.
//
// What such a log can tell:
//
//   - An action is told when it is over, at its stages ResponseComplete or Panic:
//     a watch or a shell that lasts for hours shows when it ends, dated to when
//     it began. What is done inside of a shell does not show at all.
//   - Who is impersonated never says whose an action is; who impersonates does.
//   - On EKS, and with aws-iam-authenticator, the key and the session behind a
//     user stand in user.extra. The role's ARN has no path there, so that roles
//     with one are known by the key alone.
//   - A client may choose the id of its own audit events, and use one for
//     several: an action is named by when the server received it, and by that.
package k8saudit

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"jitbot/activity"
	"jitbot/activity/logfile"
	"jitbot/internal/follow"
	"jitbot/internal/strictjson"
	"jitbot/jit"
)

// Service is the first half of what is done in a cluster.
const Service = "k8s"

const version = "audit.k8s.io/v1"

// event is an audit event, or a list of them.
type event struct {
	Kind       string    `json:"kind"`
	APIVersion string    `json:"apiVersion"`
	ID         string    `json:"auditID"`
	Stage      string    `json:"stage"`
	URI        string    `json:"requestURI"`
	Verb       string    `json:"verb"`
	User       user      `json:"user"`
	As         *user     `json:"impersonatedUser"`
	Sources    []string  `json:"sourceIPs"`
	Agent      string    `json:"userAgent"`
	Object     *object   `json:"objectRef"`
	Status     *status   `json:"responseStatus"`
	Received   time.Time `json:"requestReceivedTimestamp"`
	Staged     time.Time `json:"stageTimestamp"`
	Notes      notes     `json:"annotations"`

	Items []event `json:"items"`
}

type user struct {
	Name  string              `json:"username"`
	Extra map[string][]string `json:"extra"`
}

type object struct {
	Resource    string `json:"resource"`
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
	Subresource string `json:"subresource"`
}

type status struct {
	Code   int    `json:"code"`
	Reason string `json:"reason"`
}

type notes struct {
	Decision string `json:"authorization.k8s.io/decision"`
}

// Format reads the events of one cluster.
type Format struct {
	// Name is the source's: ids are unique within it.
	Name string
	// Cluster is what things in it are done through.
	Cluster string
}

var _ logfile.Format = Format{}

// Ender implements [logfile.Format].
func (Format) Ender() follow.Ender { return follow.Newline{} }

// Read implements [logfile.Format].
func (f Format) Read(text []byte, _ int64, out logfile.Out) logfile.Heard {
	var e event
	if err := strictjson.DecodeWithin(follow.MaxRecord, text, &e); err != nil {
		out.Skip(logfile.Why(err), 1)
		return logfile.Heard{}
	}
	if e.Kind != "EventList" && e.Kind != "List" {
		return logfile.Heard{At: f.event(e, out)}
	}
	var newest time.Time
	for _, item := range e.Items {
		if at := f.event(item, out); at.After(newest) {
			newest = at
		}
	}
	return logfile.Heard{At: newest}
}

// event hands one event over, and returns when it was written.
func (f Format) event(e event, out logfile.Out) time.Time {
	switch {
	case e.Kind != "Event" && e.Kind != "" || e.Stage == "":
		out.Skip(activity.BadShape, 1)
	case e.APIVersion != version && e.APIVersion != "":
		out.Skip(activity.BadVersion, 1)
	case e.Received.IsZero() || e.Staged.IsZero():
		out.Skip(activity.BadTime, 1)
	case e.ID == "":
		out.Skip(activity.BadID, 1)
	case e.Verb == "" || e.User.Name == "":
		out.Skip(activity.BadShape, 1)
	default:
		if e.Stage == "ResponseComplete" || e.Stage == "Panic" {
			r := f.record(e)
			out.Add(&r)
		}
		return e.Staged
	}
	return time.Time{}
}

func (f Format) record(e event) activity.Record {
	r := activity.Record{
		Family: Service + "/" + f.Name, ID: strconv.FormatInt(e.Received.UnixMicro(), 36) + ":" + e.ID, At: e.Received.UTC(),
		Service: Service, Verb: e.verb(), Resource: cmp.Or(e.resource(), f.Cluster), Actor: e.User.Name, Login: e.User.Name,
		Agent: e.Agent, Scope: f.Cluster, Detail: "cluster " + f.Cluster, ReadOnly: e.readOnly(),
		AccessKey: e.User.extra("accessKeyId"), Session: e.User.extra("sessionName"),
	}
	if role := cmp.Or(e.User.extra("canonicalArn"), e.User.extra("arn")); role != "" {
		r.Scope = role
	}
	if len(e.Sources) > 0 {
		r.Origin = e.Sources[0]
	}
	if e.As != nil {
		r.Detail += ", as " + e.As.Name
	}
	r.Outcome, r.Code, r.Layer = e.outcome()
	return r
}

// extra is what an authenticator says of a user, where it says one thing.
func (u user) extra(key string) string {
	if values := u.Extra[key]; len(values) == 1 {
		return values[0]
	}
	return ""
}

func (e event) verb() string {
	switch {
	case e.Object == nil || e.Object.Resource == "":
		return e.Verb
	case e.Object.Subresource != "":
		return e.Verb + " " + e.Object.Resource + "/" + e.Object.Subresource
	}
	return e.Verb + " " + e.Object.Resource
}

// resource is namespace/name, as much of it as there is, or the path of what is
// no object. What follows the path may hold a command line.
func (e event) resource() string {
	if e.Object == nil {
		path, _, _ := strings.Cut(e.URI, "?")
		return path
	}
	return strings.Trim(e.Object.Namespace+"/"+e.Object.Name, "/")
}

// readOnly reports whether a request changes nothing. A shell may be asked for
// with the verb get.
func (e event) readOnly() bool {
	if e.Object != nil && slices.Contains([]string{"exec", "attach", "portforward", "proxy"}, e.Object.Subresource) {
		return false
	}
	return slices.Contains([]string{"get", "list", "watch", "head", "options"}, e.Verb)
}

func (e event) outcome() (outcome jit.ActivityOutcome, code, layer string) {
	s := status{}
	if e.Status != nil {
		s = *e.Status
	}
	if s.Code >= 400 {
		code = cmp.Or(s.Reason, strconv.Itoa(s.Code))
	}
	switch {
	case s.Code == 403 && e.Notes.Decision == "allow": // by a quota or an admission controller
		return jit.ActivityDenied, code, ""
	case s.Code == 403:
		return jit.ActivityDenied, code, activity.LayerCluster
	case s.Code >= 400, e.Stage == "Panic":
		return jit.ActivityFailed, cmp.Or(code, e.Stage), ""
	}
	return jit.ActivityOK, "", ""
}
