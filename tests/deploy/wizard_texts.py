"""Texts that are typed into the portal's wizard, by the name of the element: right ones and wrong ones."""

import base64
import json
from typing import Any, Final


def jwt(claims: dict[str, Any], signature: str = "s" * 86) -> str:
    """Make a token as 1Password does: what Go's encoder writes, in base64url without padding."""
    parts = [{"alg": "ES256", "kid": "abcdefghijklmnopqrstuvwxyz", "typ": "JWT"}, claims]
    texts = [json.dumps(part, separators=(",", ":"), sort_keys=True) for part in parts]
    return ".".join([*(base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") for text in texts), signature])


CLAIMS: Final = {"aud": ["events.1password.com"], "iat": 1_790_000_000, "sub": "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
TOKEN: Final = jwt(CLAIMS)
SECRET: Final = "https://my-vault.vault.azure.net/secrets/op-token"

GOOD: Final = {
    "token": [
        TOKEN,
        # Go sorts the claims by name, and a digit comes first: then it begins with eyI, not with eyJ.
        jwt(CLAIMS | {"1password.com/fts": ["signinattempts", "itemusages", "auditevents"]}),
        jwt(CLAIMS | {"aud": ["com.1password.streamingservice"]}),
    ],
    "tokenReference": [
        f"@Microsoft.KeyVault(SecretUri={SECRET})",
        f"@Microsoft.KeyVault(SecretUri={SECRET}/)",
        f"@Microsoft.KeyVault(SecretUri={SECRET}/0123456789abcdef0123456789abcdef)",
        f"@Microsoft.KeyVault(SecretUri={SECRET.replace('azure.net', 'azure.cn')})",
        f"@Microsoft.KeyVault(SecretUri={SECRET.replace('azure.net', 'usgovcloudapi.net')})",
        "@Microsoft.KeyVault(VaultName=my-vault;SecretName=op-token)",
        "@Microsoft.KeyVault(VaultName=my-vault;SecretName=op-token;SecretVersion=0123456789abcdef0123456789abcdef)",
    ],
    "eventsUrl": [
        "https://events.1password.com",
        "https://events.ent.1password.com/",
        "https://events.1password.ca",
        "https://events.1password.eu",
        "https://relay-1.soc.example",
        "https://xn--bcher-kva.xn--p1ai",
    ],
    "ownSchedule": [
        "0 */5 * * * *",
        "30 0 * * * *",
        "0 0,30 8-18/2 * * Mon-Fri",
        "0  0   6 1,15 jan-MAR *",
        "5/10 59 23 31 12 6",
        "*/15 00 07 01 01 06",
        "0 10-20,40-50/5 * * 1-11/2 1-5",
    ],
    "monitorPrincipalId": ["01234567-89ab-cdef-0123-456789ABCDEF"],
    "monitorUrl": [
        "https://dfm.example/OnePasswordEvents",
        "http://localhost:7072/OnePasswordEvents/",
        "https://dfm.example",
    ],
}
BAD: Final = {
    "token": [
        f"@Microsoft.KeyVault(SecretUri={SECRET})",
        "Bearer " + TOKEN,
        TOKEN + " ",
        TOKEN[:-1],
        TOKEN[: len(TOKEN) // 2],
        TOKEN.replace(".", ""),
        TOKEN + ".x",
        TOKEN.replace("ey", "ez", 1),
        f'"{TOKEN}"',
        TOKEN[:100] + "\n" + TOKEN[100:],
        "ops_eyJzaWduSW5BZGRyZXNzIjoibXkuMXBhc3N3b3JkLmNvbSJ9",
    ],
    "tokenReference": [
        TOKEN,
        SECRET,
        "@Microsoft.KeyVault()",
        f"@Microsoft.KeyVault({SECRET})",
        f"@Microsoft.KeyVault(SecretUri={SECRET}",
        f"@Microsoft.KeyVault(SecretUri={SECRET.replace('https', 'http')})",
        "@Microsoft.KeyVault(SecretUri=https://my-vault.vault.azure.net/keys/op-token)",
        "@Microsoft.KeyVault(SecretUri=https://my-vault.vault.azure.net/secrets/)",
        "@Microsoft.KeyVault(SecretUri=https://my-vault.example/secrets/op-token)",
        "@Microsoft.KeyVault(VaultName=my-vault)",
        "@Microsoft.KeyVault(VaultName=my_vault;SecretName=op-token)",
        "@Microsoft.KeyVault(SecretName=op-token;VaultName=my-vault)",
        " @Microsoft.KeyVault(VaultName=my-vault;SecretName=op-token)",
    ],
    "eventsUrl": [
        "events.1password.com",
        "http://events.1password.com",
        "https://",
        "https://events",
        "https://events.1password.com/api/v2",
        "https://events.1password.com//",
        "https://events.1password.com?x=1",
        "https://events.1password.com#x",
        "https://me:secret@events.1password.com",
        "https://events.1password.com:443",
        "https://events..com",
        "https://-events.example",
        "https://10.0.0.1",
        "https://events.1password.com ",
        "https://my team.example",
    ],
    "ownSchedule": [
        "*/5 * * * *",
        "0 */5 * * * * *",
        "every 5 minutes",
        "@hourly",
        "00:05:00",
        "60 * * * * *",
        "0 60 * * * *",
        "0 * 24 * * *",
        "0 * * 0 * *",
        "0 * * 32 * *",
        "0 * * * 13 *",
        "0 * * * foo *",
        "0 * * * * 7",
        "0 * * * * Mo",
        "0 */0 * * * *",
        "0 */60 * * * *",
        "0 5-/2 * * * *",
        "0 1,,2 * * * *",
        "0 1, * * * *",
        "0 ,1 * * * *",
        "0 * * * * 1,",
        "0 ? * * * *",
        "0 * * L * *",
        "0 * * * * 5#2",
        " 0 * * * * *",
        "0 * * * * * ",
        "0\t*/5 * * * *",
    ],
    "monitorPrincipalId": [
        "soc@example.com",
        "SOC",
        "{01234567-89ab-cdef-0123-456789abcdef}",
        "0123456789abcdef0123456789abcdef",
    ],
    "monitorUrl": [
        "dfm.example/OnePasswordEvents",
        "ftp://dfm.example",
        "https://dfm.example/a b",
        "https://dfm.example/?hub=x",
        "https://dfm.example/#x",
        "javascript:alert(1)",
        "https://dfm.example/<script>",
        "https://me:secret@dfm.example/",
    ],
}
