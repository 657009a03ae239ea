// An application behind Sallyport that knows who is asking, in Go with the standard library alone.
//
//	SALLYPORT_ISSUER  the public address of Sallyport (server.url, or assertion.issuer where that is set)
//	SALLYPORT_KEYS    address of its keys; by default the issuer and /.well-known/jwks.json
//	APP_ORIGIN        this application as browsers see it, such as https://wiki.example.com
//	PORT              by default 8000
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	issuer := required("SALLYPORT_ISSUER")
	keysURL := os.Getenv("SALLYPORT_KEYS")
	if keysURL == "" {
		keysURL = issuer + "/.well-known/jwks.json"
	}
	verifier := &Verifier{Issuer: issuer, Audience: required("APP_ORIGIN"), Keys: NewKeySet(keysURL)}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8000"
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	server := &http.Server{Handler: application(verifier), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.Serve(listener))
}

func application(verifier *Verifier) http.HandlerFunc {
	return func(response http.ResponseWriter, request *http.Request) {
		assertions := request.Header.Values("X-Sallyport-Assertion")
		// With two of them it would be a guess which one counts.
		if len(assertions) != 1 {
			answer(response, http.StatusUnauthorized, struct{}{})
			return
		}
		claims, err := verifier.Verify(assertions[0])
		if errors.Is(err, errNoKeys) {
			// Nobody is let in, and nobody is told that it was their fault.
			answer(response, http.StatusServiceUnavailable, struct{}{})
			return
		}
		if err != nil {
			answer(response, http.StatusUnauthorized, struct{}{})
			return
		}
		answer(response, http.StatusOK, map[string]any{"sub": claims.Subject, "name": claims.Name, "groups": claims.Groups})
	}
}

func answer(response http.ResponseWriter, status int, body any) {
	response.Header().Set("Content-Type", "application/json")
	response.Header().Set("Cache-Control", "no-store")
	response.WriteHeader(status)
	_ = json.NewEncoder(response).Encode(body)
}

func required(name string) string {
	value := os.Getenv(name)
	if value == "" {
		log.Fatalf("%s is not set", name)
	}
	return value
}
