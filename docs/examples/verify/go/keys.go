package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"sync"
	"time"
)

const (
	keepKeys = 5 * time.Minute
	// A `kid` that is not known is looked up at most this often, so that nobody can use this application to flood
	// Sallyport.
	lookAgain = 30 * time.Second
	// After a failed attempt.
	retry = time.Second
)

var errNoKeys = errors.New("the keys of Sallyport cannot be had")

type publicKey struct {
	algorithm string
	ecdsa     *ecdsa.PublicKey
	ed25519   ed25519.PublicKey
}

// KeySet holds the keys that Sallyport publishes.
type KeySet struct {
	url     string
	client  *http.Client
	mutex   sync.Mutex
	keys    map[string]*publicKey
	fetched time.Time
	failed  time.Time
}

func NewKeySet(url string) *KeySet {
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &KeySet{url: url, client: &http.Client{Timeout: 2 * time.Second, CheckRedirect: refuse}}
}

// Find gives the key with this name. Keys are published a whole rotation before they sign, so a fresh set knows them all.
func (s *KeySet) Find(kid string) (*publicKey, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	age := time.Since(s.fetched)
	key := s.keys[kid]
	if age > keepKeys || (key == nil && age > lookAgain) {
		if time.Since(s.failed) < retry || s.fetch() != nil {
			return nil, errNoKeys
		}
		key = s.keys[kid]
	}
	if key == nil {
		return nil, errRefused
	}
	return key, nil
}

func (s *KeySet) fetch() error {
	s.failed = time.Now()
	response, err := s.client.Get(s.url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errNoKeys
	}
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 64*1024)).Decode(&set); err != nil {
		return err
	}
	keys := map[string]*publicKey{}
	for _, each := range set.Keys {
		if key := each.parse(); key != nil {
			keys[each.KeyID] = key
		}
	}
	s.keys, s.fetched, s.failed = keys, time.Now(), time.Time{}
	return nil
}

// A public key as RFC 7517, RFC 7518 section 6.2 and RFC 8037 write it.
type jwk struct {
	KeyID     string `json:"kid"`
	Algorithm string `json:"alg"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y"`
}

// parse gives nil for a key of a kind that this application does not know.
func (k *jwk) parse() *publicKey {
	x, errX := encoding.DecodeString(k.X)
	y, errY := encoding.DecodeString(k.Y)
	if k.KeyID == "" || errX != nil || errY != nil {
		return nil
	}
	if k.Algorithm == "EdDSA" && k.Curve == "Ed25519" && len(x) == ed25519.PublicKeySize {
		return &publicKey{algorithm: k.Algorithm, ed25519: x}
	}
	if k.Algorithm == "ES256" && k.Curve == "P-256" && len(x) == 32 && len(y) == 32 {
		curve := elliptic.P256()
		public := &ecdsa.PublicKey{Curve: curve, X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y)}
		if curve.IsOnCurve(public.X, public.Y) {
			return &publicKey{algorithm: k.Algorithm, ecdsa: public}
		}
	}
	return nil
}
