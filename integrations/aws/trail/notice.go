package trail

import (
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"jitbot/internal/strictjson"
)

const maxWrapped = 3 // how deep messages may stand in one another

// notice is what a message tells.
type notice struct {
	objects []object
	event   []byte // a single record, in its envelope
}

type object struct{ bucket, key string }

// message is every form of message that is understood.
type message struct {
	// SNS.
	Type    string `json:"Type"`
	Message string `json:"Message"`
	// S3.
	Event   string `json:"Event"`
	Records []struct {
		Source string `json:"eventSource"`
		Name   string `json:"eventName"`
		S3     struct {
			Bucket struct {
				Name string `json:"name"`
			} `json:"bucket"`
			Object struct {
				Key string `json:"key"`
			} `json:"object"`
		} `json:"s3"`
	} `json:"Records"`
	// CloudTrail.
	Bucket string   `json:"s3Bucket"`
	Keys   []string `json:"s3ObjectKey"`
	// EventBridge.
	DetailType string         `json:"detail-type"`
	Source     string         `json:"source"`
	Detail     jsontext.Value `json:"detail"`
}

// objectCreated is the detail of EventBridge's "Object Created".
type objectCreated struct {
	Bucket struct {
		Name string `json:"name"`
	} `json:"bucket"`
	Object struct {
		Key string `json:"key"`
	} `json:"object"`
}

// parseNotice reads a message. why is not empty where nothing can be made of it.
func parseNotice(body string) (n notice, why string) {
	for range maxWrapped {
		var m message
		if err := strictjson.Decode([]byte(body), &m); err != nil {
			return notice{}, badMessage
		}
		if m.Type == "Notification" && m.Message != "" {
			body = m.Message
			continue
		}
		return m.notice(body)
	}
	return notice{}, badMessage
}

func (m message) notice(body string) (n notice, why string) {
	switch {
	case m.Event == "s3:TestEvent":
		return n, ""
	case len(m.Records) > 0:
		return m.ofS3()
	case m.Bucket != "" && len(m.Keys) > 0:
		for _, key := range m.Keys {
			n.objects = append(n.objects, object{m.Bucket, key})
		}
		return n, ""
	case m.DetailType == "Object Created" && m.Source == "aws.s3":
		var c objectCreated
		if err := strictjson.Decode(m.Detail, &c); err != nil || c.Bucket.Name == "" || c.Object.Key == "" {
			return n, badMessage
		}
		n.objects = []object{{c.Bucket.Name, c.Object.Key}}
		return n, ""
	case strings.HasSuffix(m.DetailType, " via CloudTrail") && m.Detail.Kind() == '{': // API calls, sign-ins, service events
		n.event = []byte(body)
		return n, ""
	}
	return n, badMessage
}

// ofS3 reads S3's own notification, in which keys are written as in addresses.
func (m message) ofS3() (n notice, why string) {
	for _, r := range m.Records {
		key, err := url.QueryUnescape(r.S3.Object.Key)
		if r.Source != "aws:s3" || err != nil || r.S3.Bucket.Name == "" || key == "" {
			return notice{}, badMessage
		}
		if strings.HasPrefix(r.Name, "ObjectCreated:") { // what was removed was read before, or is lost
			n.objects = append(n.objects, object{r.S3.Bucket.Name, key})
		}
	}
	return n, ""
}
