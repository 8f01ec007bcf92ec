package analysis

// Private reports whether a finding is of how one person approves, on so little
// that it is for its Owner alone, in a message to them.
func Private(f *Finding) bool {
	personal := f.Class == "A14" || f.Class == "A15" && f.Kind == "pair"
	return personal && f.N < standardApproval().Personal
}
