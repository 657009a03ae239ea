// Command kubelet answers what an API server asks a node's kubelet for when somebody streams: exec, attach, port-forward
// and logs. There are no containers: a command runs on this machine, a forwarded port is one of this machine's, and what
// is written into a container's main program comes out again as its log.
//
// A Unix socket tells which streams are open, as they open and close, and takes lines for a log.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

func main() {
	directory := flag.String("directory", "", "folder for the containers' files and the socket kubelet.sock")
	certificate := flag.String("certificate", "", "PEM file")
	key := flag.String("key", "", "PEM file")
	clientAuthority := flag.String("client-authority", "", "PEM file: only clients that it vouches for are answered")
	flag.Parse()

	pair, err := tls.LoadX509KeyPair(*certificate, *key)
	must(err)
	authority, err := os.ReadFile(*clientAuthority)
	must(err)
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(authority) {
		log.Fatalf("%s has no certificate", *clientAuthority)
	}

	node := &node{directory: *directory, containers: map[string]*container{}, streams: newStreamList()}
	control, err := net.Listen("unix", filepath.Join(*directory, "kubelet.sock"))
	must(err)
	go func() { must(http.Serve(control, node.controlRoutes())) }()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	fmt.Printf("listening on %d\n", listener.Addr().(*net.TCPAddr).Port)
	server := &http.Server{
		Handler:           node.routes(),
		ReadHeaderTimeout: time.Minute,
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{pair},
			ClientAuth:   tls.RequireAndVerifyClientCert,
			ClientCAs:    clients,
			MinVersion:   tls.VersionTLS12,
			// An upgrade takes the connection over, which HTTP/2 does not allow.
			NextProtos: []string{"http/1.1"},
		},
	}
	must(server.ServeTLS(listener, "", ""))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
