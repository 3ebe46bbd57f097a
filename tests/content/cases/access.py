"""Who gets in: new people and service accounts, access to vaults, roles in groups.

The lists of privileged vaults and groups are empty here, as a rule is deployed; test_privileged.py fills them in.
"""

from typing import Final

from tests.content.case import RuleCase
from tests.content.cases.account_defences import SCIM
from tests.content.planted import audit, days, minutes, person, usage

SELF_GRANTED: Final = [audit("mia", "grant", "uva", vault="v", subject="mia")]
GRANTED: Final = [audit("mia", "grant", "uva", vault="v", subject="tom")]
GROUP_GRANTED: Final = [audit("mia", "grant", "gva", vault="v", group="g")]
SELF_JOINED: Final = [audit("mia", "join", "gm", group="g", subject="mia", info="A")]
MADE_MANAGER: Final = [audit("mia", "join", "gm", group="g", subject="tom", info="A")]
VAULT_MADE: Final = audit("mia", "create", "vault", minutes(3), vault="v")

CASES: Final = [
    RuleCase(
        rule="PersonInvitedByHand",
        fires={
            "somebody outside": [audit("mia", "create", "invite", info="zoe@partner.example")],
            "a colleague": [audit("mia", "create", "invite", info="Zoe@Example.com")],
            "nobody knows whom": [audit("mia", "create", "invite", actor_details=None)],
        },
        quiet={
            "by automatic provisioning": [
                audit("scim", "create", "invite", info="zoe@example.com", actor_details=SCIM)
            ],
            "sent again": [audit("mia", "resendts", "invite", info="zoe@partner.example")],
            "withdrawn": [audit("mia", "delete", "invite", info="zoe@partner.example")],
            "accepted": [
                audit("zoe", "create", "user", subject="zoe"),
                audit("zoe", "activate", "user", subject="zoe"),
            ],
        },
        expect={
            "Actor": "mia@example.com",
            "Invited": "zoe@partner.example",
            "InvitedUpnSuffix": "partner.example",
            "OtherDomain": True,
            "Severity": "Medium",
        },
    ),
    RuleCase(
        rule="ServiceAccountCreated",
        fires={
            "a new one": [audit("mia", "create", "sa")],
            "by somebody without details": [audit("mia", "create", "sa", actor_details=None)],
        },
        quiet={
            "a token for one that is there": [audit("mia", "create", "satoken")],
            "one deleted": [audit("mia", "delete", "sa")],
            "one changed": [audit("mia", "update", "sa")],
            "an item that is created by one": [usage("mia", "server-create")],
        },
        expect={"Actor": "mia@example.com", "ServiceAccountUuid": "object".ljust(26, "o")},
    ),
    RuleCase(
        rule="ServiceAccountTokenChanged",
        fires={
            "issued": [audit("mia", "create", "satoken")],
            "renamed": [audit("mia", "trename", "satoken")],
            "verified": [audit("mia", "tverify", "satoken")],
            "revoked": [audit("mia", "trevoke", "satoken", actor_details=None)],
        },
        quiet={
            "a new service account": [audit("mia", "create", "sa")],
            "a look at it": [audit("mia", "view", "satoken")],
            "a token of single sign-on": [audit("mia", "ssotknv", "ssotkn")],
            "a person's access revoked": [audit("mia", "revoke", "uva", vault="v", subject="tom")],
        },
        expect={"Actor": "mia@example.com", "Change": "issued", "Severity": "Medium"},
    ),
    RuleCase(
        rule="VaultAccessSelfGranted",
        fires={
            "access": SELF_GRANTED,
            "other permissions": [audit("mia", "update", "uva", vault="v", subject="mia")],
            "without details": [
                audit("mia", "grant", "uva", vault="v", actor_details=None, aux_uuid=person("mia")["uuid"])
            ],
            "to a vault that they made a day ago": [
                audit("mia", "create", "vault", days(0.9), vault="v"),
                audit("mia", "grant", "uva", vault="v", subject="mia"),
            ],
            "to a vault that somebody else made": [
                audit("tom", "create", "vault", minutes(3), vault="v"),
                audit("mia", "grant", "uva", vault="v", subject="mia"),
            ],
            "to a vault that they just renamed": [
                audit("mia", "update", "vault", minutes(2.5), vault="v"),
                audit("mia", "grant", "uva", vault="v", subject="mia"),
            ],
            "to another vault than they made": [VAULT_MADE, audit("mia", "grant", "uva", vault="w", subject="mia")],
        },
        quiet={
            "somebody else lets them in": GRANTED,
            "they leave": [audit("mia", "revoke", "uva", vault="v", subject="mia")],
            "a group gets access": GROUP_GRANTED,
            "they make the vault": [VAULT_MADE, audit("mia", "grant", "uva", minutes(2.5), vault="v", subject="mia")],
            "their access to a group": SELF_JOINED,
            "they change their own name": [audit("mia", "update", "user", subject="mia")],
            "nobody knows who or whom": [audit("mia", "grant", "uva", vault="v", actor_uuid="", actor_details=None)],
        },
        expect={"Actor": "mia@example.com", "ActionName": "granted", "VaultUuid": "v" * 26},
    ),
    RuleCase(
        rule="GroupRoleSelfGranted",
        fires={
            "added as manager": SELF_JOINED,
            "added as member": [audit("mia", "join", "gm", group="g", subject="mia", info="R")],
            "from member to manager": [audit("mia", "role", "gm", group="g", subject="mia", info="A")],
            "without details": [
                audit("mia", "join", "gm", group="g", actor_details=None, aux_uuid=person("mia")["uuid"])
            ],
            "of a group that they made a day ago": [
                audit("mia", "create", "group", days(0.9), group="g"),
                audit("mia", "role", "gm", group="g", subject="mia", info="A"),
            ],
            "of a group that they just renamed": [
                audit("mia", "update", "group", minutes(2.5), group="g"),
                audit("mia", "join", "gm", group="g", subject="mia", info="A"),
            ],
            "of a group that somebody else made": [
                audit("tom", "create", "group", minutes(3), group="g"),
                audit("mia", "join", "gm", group="g", subject="mia", info="A"),
            ],
        },
        quiet={
            "somebody else adds them": MADE_MANAGER,
            "they leave": [audit("mia", "leave", "gm", group="g", subject="mia")],
            "from manager to member": [audit("mia", "role", "gm", group="g", subject="mia", info="R")],
            "they make the group": [
                audit("mia", "create", "group", minutes(3), group="g"),
                audit("mia", "join", "gm", minutes(3), group="g", subject="mia", info="A"),
            ],
            "they let themselves into a vault": SELF_GRANTED,
            "their role outside groups": [audit("mia", "role", "user", subject="mia", info="A")],
            "nobody knows who or whom": [audit("mia", "join", "gm", group="g", actor_uuid="", actor_details=None)],
        },
        expect={"Actor": "mia@example.com", "GroupUuid": "g" * 26, "GroupRole": "manager"},
    ),
    RuleCase(
        rule="PrivilegedVaultAccessChanged",
        fires={
            "a group gets access": GROUP_GRANTED,
            "a group loses access": [audit("mia", "revoke", "gva", vault="v", group="g")],
            "a group's permissions change": [audit("mia", "update", "gva", vault="v", group="g", actor_details=None)],
            "a group gets access to what was just renamed": [
                audit("mia", "update", "vault", minutes(2.5), vault="v"),
                audit("mia", "grant", "gva", vault="v", group="g"),
            ],
            "a group gets access to what was made a while ago": [
                audit("mia", "create", "vault", minutes(30), vault="v"),
                audit("mia", "grant", "gva", vault="v", group="g"),
            ],
        },
        quiet={
            "a person gets access": GRANTED,
            "a person lets themselves in": SELF_GRANTED,
            "the groups of a new vault": [VAULT_MADE, audit("mia", "grant", "gva", minutes(3), vault="v", group="g")],
            "a person joins the group": MADE_MANAGER,
            "a look at a group's access": [audit("mia", "view", "gva", vault="v", group="g")],
        },
        expect={
            "Actor": "mia@example.com",
            "ActionName": "granted",
            "VaultUuid": "v" * 26,
            "Whom": f"the group {'g' * 26}",
        },
        unfilled=("SubjectUpnName", "SubjectUpnSuffix"),
    ),
    RuleCase(
        rule="OrdinaryVaultAccessChanged",
        fires={
            "a person gets access": GRANTED,
            "a person loses access": [audit("mia", "revoke", "uva", vault="v", subject="tom")],
            "a person's permissions change": [audit("mia", "update", "uva", vault="v", subject="tom")],
            "a person gets access to what was just renamed": [
                audit("mia", "update", "vault", minutes(2.5), vault="v"),
                audit("mia", "grant", "uva", vault="v", subject="tom"),
            ],
            "without details": [
                audit("mia", "grant", "uva", vault="v", actor_details=None, aux_uuid=person("tom")["uuid"])
            ],
        },
        quiet={
            "a person lets themselves in": SELF_GRANTED,
            "a person leaves": [audit("mia", "revoke", "uva", vault="v", subject="mia")],
            "a look at a person's access": [audit("mia", "view", "uva", vault="v", subject="tom")],
            "a group gets access": GROUP_GRANTED,
            "the people of a new vault": [
                VAULT_MADE,
                audit("mia", "grant", "uva", minutes(2.5), vault="v", subject="tom"),
            ],
        },
        expect={
            "Actor": "mia@example.com",
            "ActionName": "granted",
            "Subject": "tom@example.com",
            "VaultUuid": "v" * 26,
        },
    ),
    RuleCase(
        rule="PrivilegedGroupJoined",
        fires={
            "added as manager": MADE_MANAGER,
            "from member to manager": [audit("mia", "role", "gm", group="g", subject="tom", info="A")],
            "without details": [
                audit("mia", "join", "gm", group="g", info="A", actor_details=None, aux_uuid=person("tom")["uuid"])
            ],
        },
        quiet={
            "added as member": [audit("mia", "join", "gm", group="g", subject="tom", info="R")],
            "from manager to member": [audit("mia", "role", "gm", group="g", subject="tom", info="R")],
            "removed": [audit("mia", "leave", "gm", group="g", subject="tom", info="A")],
            "they add themselves": SELF_JOINED,
        },
        expect={
            "Actor": "mia@example.com",
            "Subject": "tom@example.com",
            "GroupUuid": "g" * 26,
            "GroupRole": "manager",
        },
    ),
]
