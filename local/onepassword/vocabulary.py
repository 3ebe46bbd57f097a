"""The closed sets of version 1.4.1 of the Events API, in combinations that can happen.

Source: 1Password docs, events-api/reference (enums), item-usage-actions and audit-events. Which actions go with
which audit object is only partly documented; the rest is read off their names.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

SIGNIN_TYPES: Final = {
    "success": "credentials_ok mfa_ok federated",
    "credentials_failed": ("password_secret_bad platform_secret_bad platform_secret_disabled platform_secret_proxy"),
    "mfa_failed": (
        "code_bad code_disabled code_timeout duo_bad duo_disabled duo_native_bad duo_timeout mfa_missing "
        "totp_bad totp_disabled totp_timeout u2f_bad u2f_disabled u2f_timeout"
    ),
    "sso_failed": "non_sso_user service_account_sso_denied sso_user_mismatch",
    "modern_version_failed": "modern_version_missing modern_version_old",
    "firewall_failed": "all_blocked anonymous_blocked continent_blocked country_blocked ip_blocked",
    "firewall_reported_success": "anonymous_blocked continent_blocked country_blocked ip_blocked",
}

ITEM_USAGE_ACTIONS: Final = (
    "fill reveal secure-copy other enter-item-edit-mode export select-sso-provider "
    "server-create server-fetch server-update share"
)

type Aux = Literal["user", "group", "role", "number", "mailbox", "text", "nothing"]


class AuditPair(NamedTuple):
    """An audit action, the object that it happened to, and what its ``aux_*`` fields then say."""

    action: str
    object_type: str
    aux: Aux


_AUDIT_ACTIONS: Final[Sequence[tuple[str, Aux, str]]] = (
    ("user", "text", "changemp changenm changela changesk changeks verify"),
    ("user", "user", "begin complete cancel beginr completr cancelr provsn upguest suspend reactive activate"),
    ("user", "number", "delete purge prsndall"),
    ("user", "nothing", "enblmfa disblmfa updatmfa trvlaway trvlback tverify dlgsess revoke reauth expire"),
    ("account", "nothing", "create activate convert enblduo disblduo updatduo enblmfa disblmfa unknown"),
    ("account", "text", "changenm updatfw vrfydmn dvrfydmn uvrfydmn update"),
    ("sso", "text", "addgsso chngasso chngdsso chngpsso delgsso disblsso enblsso"),
    ("ssotkn", "nothing", "create ssotknv"),
    ("device", "number", "create delete dealldev deolddev sdvcsso tdvcsso"),
    ("dlgdsess", "user", "create expire"),
    ("gm", "role", "join leave role"),
    ("group", "text", "create delete update purge"),
    ("gva", "group", "grant revoke update"),
    ("uva", "user", "grant revoke update"),
    ("vault", "number", "create delete update export"),
    ("vaultkey", "user", "create replace"),
    ("item", "text", "share delshare view"),
    ("itemhist", "number", "purge"),
    ("items", "number", "patch purge"),
    ("file", "number", "create delete"),
    ("invite", "mailbox", "create delete sendts resendts sendpkg"),
    ("famchild", "user", "detchild rdmchild unlink"),
    ("miguser", "user", "musercom muserdec"),
    ("mngdacc", "text", "create launchi unlink"),
    ("sa", "text", "create delete"),
    ("satoken", "text", "create trename tverify trevoke"),
    ("slackapp", "text", "create updatea uisas delete"),
    ("template", "text", "create update hide unhide"),
    ("report", "text", "view export create"),
    ("card", "nothing", "create update"),
    ("pm", "nothing", "create update"),
    ("sub", "number", "update cancel"),
    ("ec", "number", "propose"),
    ("cred", "text", "create delete"),
)

AUDIT_PAIRS: Final = tuple(
    AuditPair(action, object_type, aux) for object_type, aux, actions in _AUDIT_ACTIONS for action in actions.split()
)

# What fills an ordinary day outweighs the long tail. What a rule may alert on belongs to the tail: an account in which
# every third event is an alert is none that anybody has.
_ROUTINE: Final = {
    ("begin", "user"): 1400,
    ("complete", "user"): 1400,
    ("create", "vaultkey"): 600,
    ("replace", "vaultkey"): 600,
    ("create", "dlgdsess"): 200,
    ("expire", "dlgdsess"): 200,
    ("create", "device"): 100,
    ("patch", "items"): 100,
    ("view", "item"): 100,
    ("create", "file"): 100,
}

AUDIT_TABLE: Final = tuple(
    pair for pair in AUDIT_PAIRS for _ in range(_ROUTINE.get((pair.action, pair.object_type), 1))
)

SIGNIN_TABLE: Final = (
    (("success", "credentials_ok"),) * 2400
    + (("success", "mfa_ok"), ("success", "federated")) * 200
    + (("credentials_failed", "password_secret_bad"),) * 60
    + (("mfa_failed", "totp_bad"),) * 20
    + tuple((category, kind) for category, kinds in SIGNIN_TYPES.items() for kind in kinds.split())
)

ITEM_USAGE_TABLE: Final = (
    ("fill",) * 300
    + ("reveal", "secure-copy") * 50
    + ("other", "enter-item-edit-mode", "server-create", "server-update") * 15
    + tuple(ITEM_USAGE_ACTIONS.split())
)
