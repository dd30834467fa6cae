package chart

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"reflect"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

// generators are Helm's functions that make certificates, with keys that are made a hundred times faster than theirs.
// What they make differs from call to call, as Helm's does, is not kept, and is never shown.
func generators() template.FuncMap {
	helms := sprig.TxtFuncMap()
	ours := template.FuncMap{}
	for name, withKey := range map[string]string{
		"genCA": "genCAWithKey", "genSelfSignedCert": "genSelfSignedCertWithKey", "genSignedCert": "genSignedCertWithKey",
	} {
		given := reflect.ValueOf(helms[withKey])
		ours[name] = reflect.MakeFunc(reflect.TypeOf(helms[name]), func(args []reflect.Value) []reflect.Value {
			return given.Call(append(args, reflect.ValueOf(shortKey())))
		}).Interface()
	}
	return ours
}

// shortKey is a new private key; "", which no certificate can be made with, where there is no randomness.
func shortKey() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return ""
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
}
