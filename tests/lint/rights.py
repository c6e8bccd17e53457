#!/usr/bin/env python3
"""Every action that core/aws can send stands in the table of rights, and can be asked about."""
import re

import sources

# The files that name actions, and the service these belong to.
SENDERS = [(r"ec2_\w+", "ec2"), (r"ebs_direct", "ebs"), (r"kms", "kms"), (r"ssm", "ssm"),
           (r"sts", "sts"), (r"cloudwatch", "cloudwatch"),
           (r"service_quotas", "servicequotas")]
VERBS = ("Assume|Attach|Authorize|Cancel|Complete|Copy|Create|Decrypt|Delete|Describe|Detach|Disable|"
         "Enable|Generate|Get|List|Lock|Modify|Put|Reset|Restore|Retire|Revoke|Send|Start|Unlock")
NAME = re.compile(rf'"(?:[A-Za-z]+\.)?((?:{VERBS})[A-Z]\w*)"')
# Need no right: who we are, and the one call whose token is its own proof.
FREE = {"sts:GetCallerIdentity", "sts:AssumeRoleWithWebIdentity"}
# Names inside answers and requests.
PARTS = ("Result", "Time", "Specification")
# Nobody but tests calls it.
UNASKED = {"ebs:GetSnapshotBlock"}

ACTION = re.compile(r'^    \{"(\w+:\w+)", ', re.MULTILINE)


def sent():
    found = set()
    for file, service in SENDERS:
        for path in map(str, sources.paths(".c")):
            if re.fullmatch(rf"core/aws/{file}\.c", path):
                found |= {f"{service}:{name}" for name in NAME.findall(sources.text(path))
                          if not name.endswith(PARTS)}
    return found - FREE


def main():
    table = set(ACTION.findall(sources.text("core/engine/rights.c")))
    asks = set(ACTION.findall(sources.text("core/engine/rights_ask.c")))
    all_sent = sent()
    findings = [f"{action} is sent, and core/engine/rights.c does not know it"
                for action in sorted(all_sent - table)]
    findings += [f"{action} is in core/engine/rights.c, and rights_ask.c does not know it"
                 for action in sorted(table - asks - UNASKED)]
    findings += [f"{action} is asked about, and no rule of core/engine/rights.c has it"
                 for action in sorted(asks - table)]
    sources.finish("rights", findings, len(all_sent))


main()
