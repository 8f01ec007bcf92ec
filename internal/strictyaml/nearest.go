package strictyaml

// Nearest is the known word that was most likely meant by word: at most a
// third of its letters differ, and at least one typing mistake is allowed.
// It is empty when nothing is near. Of equally near words the first wins.
func Nearest(word string, known []string) string {
	best, bestAt := "", max(1, len(word)/3)+1
	for _, k := range known {
		if d := Distance(word, k); d < bestAt && d < len(k) {
			best, bestAt = k, d
		}
	}
	return best
}

// maxCompared bounds the work of Distance on hostile words.
const maxCompared = 128

// Distance counts the letters to insert, remove, replace or swap with their
// neighbour to turn a into b. Of very long words only the first bytes are
// compared.
func Distance(a, b string) int {
	a, b = a[:min(len(a), maxCompared)], b[:min(len(b), maxCompared)]
	older, old, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range old {
		old[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(old[j]+1, row[j-1]+1, old[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
		older, old, row = old, row, older
	}
	return old[len(b)]
}
