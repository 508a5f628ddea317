"""Certificates of the simulated applications, good and bad, by an authority of this process."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from tempfile import NamedTemporaryFile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)
_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip

_Key = ec.EllipticCurvePrivateKey


@cache
def authority_pem() -> str:
    """Certificate of the authority, for clients that check whom they talk to."""
    return _pem(_authority()[1]).decode()


@cache
def server_context(address: str, flaw: str | None) -> ssl.SSLContext:
    """
    What a TLS server at an address shows.

    :param flaw: one of ``CERTIFICATE_FLAWS``; None for a good certificate.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    authority_key, authority = _authority()
    issuer_key = key if flaw == "self_signed" else authority_key
    name = "198.51.100.1" if flaw == "other_name" else address
    subject = _name(f"application at {name}")
    start = datetime.now(UTC) - (400 * _DAY if flaw == "expired" else _DAY)
    certificate = (
        _builder(subject, subject if flaw == "self_signed" else authority.subject, key, issuer_key, start)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))]), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with NamedTemporaryFile() as file:
        # OpenSSL takes it from a file only.
        file.write(_pem(certificate) + _key_pem(key))
        file.flush()
        context.load_cert_chain(file.name)
    return context


@cache
def _authority() -> tuple[_Key, x509.Certificate]:
    key, name = ec.generate_private_key(ec.SECP256R1()), _name("sandbox authority")
    usage = {field: field == "key_cert_sign" for field in _USAGES}
    certificate = (
        _builder(name, name, key, key, datetime.now(UTC) - _DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def _builder(
    subject: x509.Name, issuer: x509.Name, key: _Key, issuer_key: _Key, start: datetime
) -> x509.CertificateBuilder:
    """A certificate for a year from a moment."""
    public, issuer_public = key.public_key(), issuer_key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + 365 * _DAY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_public), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: _Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
