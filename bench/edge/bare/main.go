// Command bare answers every request with 200 and does nothing else: the least
// a Go program that serves HTTP can cost.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	server := &http.Server{Addr: os.Args[1], Handler: handler, ReadHeaderTimeout: 1e9}
	fmt.Fprintln(os.Stderr, server.ListenAndServe())
	os.Exit(1)
}
