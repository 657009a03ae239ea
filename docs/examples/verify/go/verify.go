package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"time"
)

// Claims of an assertion. Groups is nil where they were too many to be sent: then GroupsOmitted says how many, and
// whatever depends on a group has to be refused.
type Claims struct {
	Issuer        string   `json:"iss"`
	Audience      string   `json:"aud"`
	Subject       string   `json:"sub"`
	IssuedAt      int64    `json:"iat"`
	Expires       int64    `json:"exp"`
	Email         string   `json:"email"`
	Name          string   `json:"name"`
	Groups        []string `json:"groups"`
	GroupsOmitted int      `json:"groups_omitted"`
}

type Verifier struct {
	Issuer   string
	Audience string
	Keys     *KeySet
}

var errRefused = errors.New("the assertion is not good for this application")

// Clocks of two machines differ by this many seconds at most.
const leeway = 5

// Strict: without it the last character of a token could be changed and the token still be good.
var encoding = base64.RawURLEncoding.Strict()

// Verify gives the claims of an assertion that is good for this application, now. The error is errNoKeys where Sallyport
// cannot be asked for its keys.
func (v *Verifier) Verify(assertion string) (*Claims, error) {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return nil, errRefused
	}
	var header struct {
		Algorithm string          `json:"alg"`
		KeyID     string          `json:"kid"`
		Type      string          `json:"typ"`
		Critical  json.RawMessage `json:"crit"`
	}
	// An extension that its issuer calls critical, and that we do not know, could change what all the rest means.
	if !decode(parts[0], &header) || header.Critical != nil || header.Type != "JWT" {
		return nil, errRefused
	}
	key, err := v.Keys.Find(header.KeyID)
	if err != nil {
		return nil, err
	}
	signature, err := encoding.DecodeString(parts[2])
	// The key says how it signs, never the token: `none`, or HMAC with a published key, would be what a forger asks for.
	if err != nil || header.Algorithm != key.algorithm || !key.hasSigned(parts[0]+"."+parts[1], signature) {
		return nil, errRefused
	}
	claims := &Claims{}
	if !decode(parts[1], claims) || !v.isForUs(claims, time.Now().Unix()) {
		return nil, errRefused
	}
	return claims, nil
}

func (v *Verifier) isForUs(claims *Claims, now int64) bool {
	return claims.Issuer == v.Issuer && claims.Audience == v.Audience && claims.Subject != "" &&
		claims.Expires > now-leeway && claims.IssuedAt > 0 && claims.IssuedAt <= now+leeway
}

func decode(part string, into any) bool {
	text, err := encoding.DecodeString(part)
	return err == nil && json.Unmarshal(text, into) == nil
}

func (k *publicKey) hasSigned(text string, signature []byte) bool {
	switch k.algorithm {
	case "ES256":
		// RFC 7518 section 3.4: two numbers of 32 bytes, not the DER form of other standards.
		if len(signature) != 64 {
			return false
		}
		digest := sha256.Sum256([]byte(text))
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return ecdsa.Verify(k.ecdsa, digest[:], r, s)
	case "EdDSA":
		return ed25519.Verify(k.ed25519, []byte(text), signature)
	}
	return false
}
