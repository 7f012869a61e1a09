#!/usr/bin/env bash
# Makes authority.pem, server.pem and server.key anew.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$(mktemp -d)"
valid=(-startdate 20200101000000Z -enddate 21200101000000Z)
cat >conf <<'END'
[ca]
default_ca = all
[all]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
[any]
commonName = supplied
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[server]
basicConstraints = CA:FALSE
subjectAltName = IP:127.0.0.1
extendedKeyUsage = serverAuth
END
: >index
echo 01 >serial
for name in authority server; do
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $name.key
  openssl req -new -key $name.key -subj "/CN=$name of Heal's tests" -out $name.csr
done
sign() { openssl ca -batch -notext -config conf -in "$1.csr" -out "$1.pem" -extfile conf -extensions "$1" "${valid[@]}" "${@:2}"; }
sign authority -selfsign -keyfile authority.key
sign server -cert authority.pem -keyfile authority.key
openssl verify -CAfile authority.pem server.pem
cp authority.pem server.pem server.key "$here"
