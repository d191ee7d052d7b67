"""What a TLS handshake that failed means, and which setting is wrong."""

import ssl

# OpenSSL's reasons for not accepting a certificate (X509_V_ERR_…).
NOT_YET_VALID, EXPIRED = 9, 10
UNKNOWN_ISSUER = {18, 19, 20, 21}
OTHER_NAME = {62, 64}  # or address


def explain_failure(error: BaseException, host: str, authority: str | None) -> str | None:
    """Return what is wrong, or None if the driver's error has nothing to do with TLS. `authority`
    is the file of ssl_ca, if there is one."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__context__
    if cause is None:
        if authority is None and "Connection is closed" in str(error):
            return f"{error} If it wants TLS, DATABASE_URL needs ssl_ca"
        return None
    if cause.reason == "WRONG_VERSION_NUMBER":
        return (
            "it does not speak TLS: give it --driver-tls-key and --driver-tls-cert, or leave "
            "ssl_ca out of DATABASE_URL"
        )
    if not isinstance(cause, ssl.SSLCertVerificationError):
        return f"TLS failed ({cause}): its log may say why"
    code = cause.verify_code
    if code in UNKNOWN_ISSUER:
        return (
            "its certificate is not signed by the authority in DATABASE_URL's "
            f"ssl_ca={authority} ({cause.verify_message}): name that authority's certificate"
        )
    if code in OTHER_NAME:
        return (
            f"its certificate is not for {host!r}, the host in DATABASE_URL: name the host as the "
            "certificate does, or give the server (--driver-tls-cert) one for this name"
        )
    if code in (NOT_YET_VALID, EXPIRED):
        return (
            f"its certificate, or its authority's, is not valid now ({cause.verify_message}): give "
            "the server (--driver-tls-cert) a new one, and look at the clocks"
        )
    return f"its certificate is not accepted ({cause.verify_message})"
