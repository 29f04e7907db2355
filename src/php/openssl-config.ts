// OpenSSL's configuration file. The build looks for one in a folder of the machine it was made on, and without one neither
// openssl_pkey_new() nor openssl_csr_new() does anything.

/** Where it lies in the interpreter's file system. */
export const OPENSSL_CONFIG_PATH = "/internal/shared/openssl.cnf";

/** The variable that OpenSSL and PHP find it by. */
export const OPENSSL_CONFIG_ENV: Readonly<Record<string, string>> = { OPENSSL_CONF: OPENSSL_CONFIG_PATH };

/** As Debian's, without what PHP does not read. */
export const OPENSSL_CONFIG = `[req]
default_bits = 2048
distinguished_name = req_distinguished_name
x509_extensions = v3_ca
string_mask = utf8only
[req_distinguished_name]
countryName = Country Name (2 letter code)
countryName_default = AU
stateOrProvinceName = State or Province Name (full name)
stateOrProvinceName_default = Some-State
0.organizationName = Organization Name (eg, company)
0.organizationName_default = Internet Widgits Pty Ltd
[v3_req]
basicConstraints = CA:FALSE
keyUsage = nonRepudiation, digitalSignature, keyEncipherment
[v3_ca]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always,issuer
basicConstraints = critical,CA:true
`;
