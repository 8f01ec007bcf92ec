package activity

type watch struct {
	add  func(*Record)
	skip func(why string, n int64)
}

// Watch makes a Batch that gathers nothing and tells what it is given as it is
// given, for an [Intake] that is no Log: of tests, and of commands that only
// count. A record is as it was handed over, and may only be read until add
// returns.
func Watch(add func(*Record), skip func(why string, n int64)) *Batch {
	return &Batch{watch: &watch{add, skip}}
}
