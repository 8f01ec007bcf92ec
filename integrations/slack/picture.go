package slack

import (
	"bytes"
	"context"

	"github.com/slack-go/slack"

	"jitbot/bot"
)

// Slack shows a file once it has looked through it, so a message cannot hold one
// that was sent just now. A picture is handed over first, where nobody sees it,
// and put under its message once that stands: a message that fails shows none,
// and none is posted twice.

const (
	pictureName = "chart.png"
	maxAltText  = 1000
)

// upload hands a picture over and returns its id at Slack. It is empty where
// there is none, and where Slack takes none: then the message goes without.
func (c *Chat) upload(ctx context.Context, p *bot.Picture) (file string, err error) {
	if p == nil || len(p.PNG) == 0 {
		return "", nil
	}
	var to *slack.GetUploadURLExternalResponse
	err = c.call(ctx, "files.getUploadURLExternal", func(ctx context.Context) (err error) {
		to, err = c.api.GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{
			FileName: pictureName, FileSize: len(p.PNG), AltTxt: bot.Shorten(p.Alt, maxAltText),
		})
		return err
	})
	if _, later := bot.IsLater(err); err != nil && (later || !refuses(err)) {
		return "", err
	}
	if err == nil { // files have a host of their own, which a network may not let through
		err = c.call(ctx, "upload", func(ctx context.Context) error {
			return c.api.UploadToURL(ctx, slack.UploadToURLParameters{UploadURL: to.UploadURL, Filename: pictureName, Reader: bytes.NewReader(p.PNG)})
		})
	}
	if err != nil {
		c.log.Warn("slack takes no picture; the message goes without it, and `bot doctor` says what lacks", "cause", err)
		return "", nil
	}
	return to.FileID, nil
}

// share puts an uploaded picture under the message at ts. Where that fails the
// message stands without it: it says the same in words.
func (c *Chat) share(ctx context.Context, file, channel, ts string) {
	if file == "" {
		return
	}
	err := c.call(ctx, "files.completeUploadExternal", func(ctx context.Context) error {
		_, err := c.api.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
			Files: []slack.FileSummary{{ID: file, Title: pictureName}}, Channel: channel, ThreadTimestamp: ts,
		})
		return err
	})
	if err != nil {
		c.log.Warn("a picture was not shown under its message", "channel", channel, "cause", err)
	}
}
