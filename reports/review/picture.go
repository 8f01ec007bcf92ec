package review

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strconv"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"jitbot/bot"
)

// The picture is drawn twice as large as it is shown, on a ground of its own, so
// that it reads the same on light and on dark, with letters that can still be
// read on a phone. The three kinds differ in lightness as well as in colour.
const (
	pictureWidth, pictureHeight = 960, 500
	left, right, top, bottom    = 96, 20, 92, 72
	letters                     = 38
)

// picture is the chart as a card shows it.
func (c Chart) picture() (*bot.Picture, error) {
	png, err := c.PNG()
	return &bot.Picture{PNG: png, Alt: c.Alt, Width: pictureWidth / 2, Height: pictureHeight / 2}, err
}

var (
	ground    = color.RGBA{0xff, 0xff, 0xff, 0xff}
	edge      = color.RGBA{0xb7, 0xbf, 0xcc, 0xff}
	grid      = color.RGBA{0xe1, 0xe5, 0xec, 0xff}
	ink       = color.RGBA{0x1a, 0x1f, 0x29, 0xff}
	soft      = color.RGBA{0x58, 0x61, 0x74, 0xff}
	usedInk   = color.RGBA{0x34, 0x51, 0xd1, 0xff}
	unusedInk = color.RGBA{0xe0, 0x9a, 0x2b, 0xff}
	unknown   = color.RGBA{0xb7, 0xbf, 0xcc, 0xff}
)

// PNG draws the chart. Its words are in [Chart].Alt.
func (c Chart) PNG() ([]byte, error) {
	p, err := newPicture()
	if err != nil {
		return nil, err
	}
	p.scale(c.Weeks)
	for i, w := range c.Weeks {
		p.bar(i, len(c.Weeks), w)
	}
	p.legend()
	var b bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, p.to)
	return b.Bytes(), err
}

type picture struct {
	to   *image.RGBA
	face font.Face
	most int // of the scale
}

func newPicture() (*picture, error) {
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: letters, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil, err
	}
	p := &picture{to: image.NewRGBA(image.Rect(0, 0, pictureWidth, pictureHeight)), face: face}
	p.fill(p.to.Bounds(), edge)
	p.fill(p.to.Bounds().Inset(2), ground)
	return p, nil
}

func (p *picture) fill(r image.Rectangle, c color.Color) {
	draw.Draw(p.to, r, image.NewUniform(c), image.Point{}, draw.Src)
}

// text writes s with its left end, or its right one, at x.
func (p *picture) text(x, y int, s string, c color.Color, fromRight bool) int {
	d := font.Drawer{Dst: p.to, Src: image.NewUniform(c), Face: p.face, Dot: fixed.P(x, y)}
	if fromRight {
		d.Dot.X -= d.MeasureString(s)
	}
	d.DrawString(s)
	return d.Dot.X.Ceil()
}

// scale draws the lines that bars are read by.
func (p *picture) scale(weeks []Bar) {
	most := 1
	for _, w := range weeks {
		most = max(most, w.all())
	}
	step := roundStep(most)
	p.most = (most + step - 1) / step * step
	for v := 0; v <= p.most; v += step {
		y := p.y(v)
		p.fill(image.Rect(left, y, pictureWidth-right, y+2), grid)
		p.text(left-12, y+13, strconv.Itoa(v), soft, true)
	}
}

// roundStep is a step of 1, 2 or 5 times a power of ten that makes four lines at
// most.
func roundStep(most int) int {
	for power := 1; ; power *= 10 {
		for _, n := range []int{1, 2, 5} {
			if most <= 4*n*power {
				return n * power
			}
		}
	}
}

func (p *picture) y(v int) int {
	return pictureHeight - bottom - v*(pictureHeight-bottom-top)/p.most
}

func (p *picture) bar(i, n int, w Bar) {
	room := (pictureWidth - left - right) / n
	x := left + i*room + room/6
	at := 0
	for _, part := range []struct {
		n int
		c color.Color
	}{{w.Used, usedInk}, {w.Unused, unusedInk}, {w.Unknown, unknown}} {
		p.fill(image.Rect(x, p.y(at+part.n), x+room*2/3, p.y(at)), part.c)
		at += part.n
	}
	if (n-1-i)%2 == 0 { // there is room for every second one, and the last is named
		_, week := w.From.AddDate(0, 0, 3).ISOWeek()
		p.text(x+room*2/3, pictureHeight-22, "W"+strconv.Itoa(week), soft, true)
	}
}

func (p *picture) legend() {
	x := p.text(24, 56, "Grants a week", ink, false) + 32
	for _, k := range []struct {
		name string
		c    color.Color
	}{{"used", usedInk}, {"not used", unusedInk}, {"cannot tell", unknown}} {
		p.fill(image.Rect(x, 29, x+27, 56), k.c)
		x = p.text(x+36, 56, k.name, ink, false) + 26
	}
}
