package awsfake

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// object is one version of an object in a bucket.
type object struct {
	body []byte
	etag string
	at   time.Time
}

// PutObject puts an object into a bucket by hand. The bucket is made.
func (s *Server) PutObject(bucket, key string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(bucket, key, body, s.cfg.Now())
}

// Announce tells the trail's queue of an object, which need not be there.
func (s *Server) Announce(bucket, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.announce(bucket, key, s.cfg.Now())
}

// BreakObject has every reading of an object refused by a fault, until it is
// called with the zero fault.
func (s *Server) BreakObject(bucket, key string, kind FaultKind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trail.broken == nil {
		s.trail.broken = map[string]FaultKind{}
	}
	s.trail.broken[bucket+"/"+key] = kind
}

func (s *Server) put(bucket, key string, body []byte, now time.Time) {
	if s.trail.buckets == nil {
		s.trail.buckets = map[string]map[string]object{}
	}
	if s.trail.buckets[bucket] == nil {
		s.trail.buckets[bucket] = map[string]object{}
	}
	sum := md5.Sum(body)
	s.trail.buckets[bucket][key] = object{body, `"` + hex.EncodeToString(sum[:]) + `"`, now}
}

// s3Call is which call of S3 a request is.
func s3Call(r *http.Request) (string, operation) {
	bucket, key := bucketAndKey(r.URL.Path)
	switch {
	case bucket == "":
	case r.Method == http.MethodHead && key == "":
		return "HeadBucket", operation{"s3", (*Server).headBucket}
	case r.Method == http.MethodHead:
		return "HeadObject", operation{"s3", (*Server).getObject}
	case r.Method == http.MethodGet && key == "" && r.URL.Query().Get("list-type") == "2":
		return "ListObjectsV2", operation{"s3", (*Server).listObjects}
	case r.Method == http.MethodGet && key != "":
		return "GetObject", operation{"s3", (*Server).getObject}
	}
	return r.Method, operation{service: "s3"}
}

func bucketAndKey(path string) (bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return bucket, key
}

func (s *Server) bucketOf(c *call, action string, withKey bool) (name string, objects map[string]object, err error) {
	name, key := bucketAndKey(c.url.Path)
	resource := "arn:" + s.cfg.Partition + ":s3:::" + name
	if withKey {
		resource += "/" + key
	}
	asked := *c
	asked.action = action
	if err := s.permit(&asked, resource); err != nil {
		return "", nil, err
	}
	s.deliver(c.now)
	objects, ok := s.trail.buckets[name]
	if !ok && name != s.cfg.Trail.Bucket {
		return "", nil, refuse(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	}
	return name, objects, nil
}

func (s *Server) headBucket(c *call) (any, error) {
	_, _, err := s.bucketOf(c, "ListBucket", false)
	return reply{status: http.StatusOK, header: http.Header{"X-Amz-Bucket-Region": {c.from.region}}}, err
}

type contentXML struct {
	Key          string
	LastModified string
	ETag         string
	Size         int
	StorageClass string
}

type prefixXML struct{ Prefix string }

type listXML struct {
	XMLName     xml.Name `xml:"ListBucketResult"`
	Name        string
	Prefix      string
	KeyCount    int
	MaxKeys     int
	IsTruncated bool
	Next        string       `xml:"NextContinuationToken,omitempty"`
	Contents    []contentXML `xml:",omitempty"`
	Common      []prefixXML  `xml:"CommonPrefixes,omitempty"`
}

func (s *Server) listObjects(c *call) (any, error) {
	name, objects, err := s.bucketOf(c, "ListBucket", false)
	if err != nil {
		return nil, err
	}
	q := c.url.Query()
	out := listXML{Name: name, Prefix: q.Get("prefix"), MaxKeys: 1000}
	if n, err := strconv.Atoi(q.Get("max-keys")); err == nil {
		out.MaxKeys = min(n, 1000)
	}
	size := min(out.MaxKeys, max(s.cfg.PageSize, 1))
	after := q.Get("start-after")
	if token := q.Get("continuation-token"); token != "" {
		text, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "InvalidArgument", "The continuation token provided is incorrect")
		}
		after = string(text)
	}
	if c.lie {
		objects = nil
	}
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		rest, ok := strings.CutPrefix(key, out.Prefix)
		if !ok || key <= after {
			continue
		}
		if out.KeyCount == size {
			out.IsTruncated = true
			break
		}
		if head, _, deeper := strings.Cut(rest, "/"); q.Get("delimiter") == "/" && deeper {
			group := out.Prefix + head + "/"
			after = group + "\xff"
			out.Common = append(out.Common, prefixXML{group})
		} else {
			o := objects[key]
			after = key
			out.Contents = append(out.Contents, contentXML{key, o.at.UTC().Format("2006-01-02T15:04:05.000Z"), o.etag, len(o.body), "STANDARD"})
		}
		out.KeyCount++
	}
	if out.IsTruncated {
		out.Next = base64.RawURLEncoding.EncodeToString([]byte(after))
	}
	text, err := xml.Marshal(out)
	return reply{status: http.StatusOK, header: http.Header{"Content-Type": {"application/xml"}}, body: text}, err
}

func (s *Server) getObject(c *call) (any, error) {
	_, objects, err := s.bucketOf(c, "GetObject", true)
	if err != nil {
		return nil, err
	}
	name, key := bucketAndKey(c.url.Path)
	if err := s.trail.broken[name+"/"+key].refusal(); err != nil {
		return nil, err
	}
	o, ok := objects[key]
	if !ok {
		return nil, refuse(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	}
	if want := c.header.Get("If-Match"); want != "" && want != o.etag {
		return nil, refuse(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	}
	out := reply{status: http.StatusOK, body: o.body, header: http.Header{
		"Etag": {o.etag}, "Last-Modified": {o.at.UTC().Format(http.TimeFormat)}, "Content-Type": {"application/json"}, "Content-Encoding": {"gzip"},
	}}
	if c.lie {
		out.body = nil
		return out, nil
	}
	if span := c.header.Get("Range"); span != "" {
		return cutTo(out, span)
	}
	if c.action == "HeadObject" {
		out.header.Set("Content-Length", strconv.Itoa(len(o.body)))
	}
	return out, nil
}

// cutTo keeps a range of bytes.
func cutTo(out reply, span string) (any, error) {
	first, last, _ := strings.Cut(strings.TrimPrefix(span, "bytes="), "-")
	from, err := strconv.Atoi(first)
	to := len(out.body) - 1
	if n, err := strconv.Atoi(last); err == nil {
		to = min(to, n)
	}
	if err != nil || from > to {
		return nil, refuse(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable")
	}
	out.status = http.StatusPartialContent
	out.header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(out.body)))
	out.body = out.body[from : to+1]
	return out, nil
}
