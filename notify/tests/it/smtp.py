"""An SMTP server with three ports. Prints its ports, then every mail that it takes, as JSON lines."""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        line = {
            "tls": session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None,
            "user": session.auth_data,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": dict(mail.items()),
            "body": mail.get_content().replace("\r\n", "\n"),
        }
        print(json.dumps(line), flush=True)
        return "250 taken"


def login(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b"mesolith", b"sesame")
    return AuthResult(success=good, handled=good, auth_data=data.login.decode())


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    with_login = {"authenticator": login, "auth_required": True}
    kinds = {
        "clear": ({}, None),
        "starttls": ({"tls_context": context, "require_starttls": True, **with_login}, None),
        "tls": ({"auth_require_tls": False, **with_login}, context),
    }
    ports = {}
    for kind, (settings, tls) in kinds.items():
        make = lambda settings=settings: SMTP(Handler(), hostname="localhost", **settings)
        server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, ssl=tls)
        ports[kind] = server.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
