package awsfake

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	mostMessages  = 10
	longestWait   = 20 * time.Second
	waitStep      = 50 * time.Millisecond
	defaultUnseen = 30 * time.Second
)

// queue is one queue of SQS.
type queue struct {
	messages []*message
	dead     []string
	n        int
	doubled  bool // every message comes twice
	newest   bool // the newest is handed out first
}

type message struct {
	id       string
	receipt  string
	body     string
	from     time.Time // when it can be received again
	received int
}

func (s *Server) queue() *queue {
	if s.trail.queues == nil {
		s.trail.queues = map[string]*queue{}
	}
	q := s.trail.queues[s.cfg.Trail.Queue]
	if q == nil {
		q = &queue{}
		s.trail.queues[s.cfg.Trail.Queue] = q
	}
	return q
}

// Send puts a message into the trail's queue.
func (s *Server) Send(body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue().send(body, s.cfg.Now())
}

// Unruly makes the queue hand messages out twice, newest first.
func (s *Server) Unruly() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue().doubled, s.queue().newest = true, true
}

// Queued returns how many messages the queue holds, also those that are being
// read, and the bodies of its dead letters.
func (s *Server) Queued() (n int, dead []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue().messages), slices.Clone(s.queue().dead)
}

func (q *queue) send(body string, now time.Time) {
	times := 1
	if q.doubled {
		times = 2
	}
	for range times {
		q.n++
		q.messages = append(q.messages, &message{id: fmt.Sprintf("message-%d", q.n), body: body, from: now})
	}
}

// announce tells the queue of an object in the form that the trail has.
func (s *Server) announce(bucket, key string, now time.Time) {
	if s.cfg.Trail.Queue != "" {
		s.queue().send(Notification(s.cfg.Trail.Wrap, bucket, key, now), now)
	}
}

// Notification is the message by which a queue is told of an object.
func Notification(form Wrap, bucket, key string, now time.Time) string {
	at := now.UTC().Format(time.RFC3339)
	var m any
	switch form {
	case ByEventBridge:
		m = map[string]any{
			"version": "0", "id": requestID(), "detail-type": "Object Created", "source": "aws.s3", "time": at,
			"detail": map[string]any{"version": "0", "bucket": map[string]any{"name": bucket}, "object": map[string]any{"key": key, "size": 1}},
		}
	case ByCloudTrail:
		m = map[string]any{"s3Bucket": bucket, "s3ObjectKey": []string{key}}
	default:
		m = map[string]any{"Records": []any{map[string]any{
			"eventVersion": "2.1", "eventSource": "aws:s3", "eventTime": at, "eventName": "ObjectCreated:Put",
			"s3": map[string]any{"s3SchemaVersion": "1.0", "bucket": map[string]any{"name": bucket}, "object": map[string]any{"key": url.QueryEscape(key), "size": 1}},
		}}}
	}
	text, _ := json.Marshal(m) // texts and lists only: cannot fail
	if form == BySNS || form == ByCloudTrail {
		text, _ = json.Marshal(map[string]string{"Type": "Notification", "MessageId": requestID(), "Message": string(text), "Timestamp": at}) // as above
	}
	return string(text)
}

func queueOps() map[string]func(*Server, *call) (any, error) {
	return map[string]func(*Server, *call) (any, error){
		"ReceiveMessage":          (*Server).receiveMessage,
		"DeleteMessage":           (*Server).deleteMessage,
		"ChangeMessageVisibility": (*Server).changeVisibility,
		"GetQueueAttributes":      (*Server).queueAttributes,
	}
}

// queueCall is what calls of SQS are asked.
type queueCall struct {
	QueueURL      string `json:"QueueUrl"`
	Most          int    `json:"MaxNumberOfMessages"`
	Wait          int    `json:"WaitTimeSeconds"`
	Unseen        *int   `json:"VisibilityTimeout"`
	ReceiptHandle string
}

// QueueURL is the address of the trail's queue behind the server's url.
func (s *Server) QueueURL(server string) string {
	return server + "/" + s.cfg.Account + "/" + s.cfg.Trail.Queue
}

func (s *Server) queueFor(c *call) (queueCall, *queue, error) {
	var in queueCall
	if err := json.Unmarshal(c.body, &in); err != nil {
		return in, nil, refuse(http.StatusBadRequest, "SerializationException", err.Error())
	}
	if err := s.permit(c, s.queueARN(c)); err != nil {
		return in, nil, err
	}
	if s.cfg.Trail.Queue == "" || !strings.HasSuffix(in.QueueURL, "/"+s.cfg.Account+"/"+s.cfg.Trail.Queue) {
		return in, nil, refuse(http.StatusBadRequest, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
	}
	s.deliver(c.now)
	return in, s.queue(), nil
}

func (s *Server) queueARN(c *call) string {
	return "arn:" + s.cfg.Partition + ":sqs:" + c.from.region + ":" + s.cfg.Account + ":" + s.cfg.Trail.Queue
}

// waitForMessage holds a call until there is a message or it has waited enough.
func (s *Server) waitForMessage(ctx context.Context, body []byte) {
	var in queueCall
	if err := json.Unmarshal(body, &in); err != nil {
		return // refused later
	}
	left := min(time.Duration(in.Wait)*time.Second, longestWait)
	t := time.NewTicker(waitStep)
	defer t.Stop()
	for ; left > 0 && !s.hasMessage(); left -= waitStep {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Server) hasMessage() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	s.deliver(now)
	return slices.ContainsFunc(s.queue().messages, func(m *message) bool { return !m.from.After(now) })
}

type messageJSON struct {
	ID         string `json:"MessageId"`
	Receipt    string `json:"ReceiptHandle"`
	Body       string
	MD5        string `json:"MD5OfBody"`
	Attributes map[string]string
}

func (s *Server) receiveMessage(c *call) (any, error) {
	in, q, err := s.queueFor(c)
	if err != nil {
		return nil, err
	}
	out := struct{ Messages []messageJSON }{}
	if c.lie {
		return out, nil
	}
	unseen := defaultUnseen
	if in.Unseen != nil {
		unseen = time.Duration(*in.Unseen) * time.Second
	}
	order := slices.Clone(q.messages)
	if q.newest {
		slices.Reverse(order)
	}
	for _, m := range order {
		if m.from.After(c.now) || len(out.Messages) >= min(max(in.Most, 1), mostMessages) {
			continue
		}
		if s.cfg.Trail.Receives > 0 && m.received >= s.cfg.Trail.Receives {
			q.dead = append(q.dead, m.body)
			q.remove(m.receipt)
			continue
		}
		m.received++
		m.from, m.receipt = c.now.Add(unseen), requestID()
		sum := md5.Sum([]byte(m.body))
		out.Messages = append(out.Messages, messageJSON{
			m.id, m.receipt, m.body, hex.EncodeToString(sum[:]), map[string]string{"ApproximateReceiveCount": strconv.Itoa(m.received)},
		})
	}
	return out, nil
}

func (q *queue) remove(receipt string) {
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return m.receipt == receipt && receipt != "" })
}

func (s *Server) deleteMessage(c *call) (any, error) {
	in, q, err := s.queueFor(c)
	if err == nil && !c.lie {
		q.remove(in.ReceiptHandle)
	}
	return struct{}{}, err
}

func (s *Server) changeVisibility(c *call) (any, error) {
	in, q, err := s.queueFor(c)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(q.messages, func(m *message) bool { return m.receipt == in.ReceiptHandle })
	switch {
	case in.ReceiptHandle == "" || in.Unseen == nil || *in.Unseen < 0 || *in.Unseen > 43200:
		return nil, refuse(http.StatusBadRequest, "InvalidParameterValue", "Value for parameter VisibilityTimeout or ReceiptHandle is invalid")
	case at < 0 || !q.messages[at].from.After(c.now):
		return nil, refuse(http.StatusBadRequest, "MessageNotInflight", "The message is not in flight")
	case !c.lie:
		q.messages[at].from = c.now.Add(time.Duration(*in.Unseen) * time.Second)
	}
	return struct{}{}, nil
}

func (s *Server) queueAttributes(c *call) (any, error) {
	_, q, err := s.queueFor(c)
	if err != nil {
		return nil, err
	}
	out := map[string]string{
		"QueueArn": s.queueARN(c), "ApproximateNumberOfMessages": strconv.Itoa(len(q.messages)), "VisibilityTimeout": "30",
	}
	if s.cfg.Trail.Receives > 0 {
		out["RedrivePolicy"] = fmt.Sprintf(`{"deadLetterTargetArn":"%s-dead","maxReceiveCount":%d}`, s.queueARN(c), s.cfg.Trail.Receives)
	}
	return struct{ Attributes map[string]string }{out}, nil
}
