// Files that say which system calls a container may make. Two forms:
//
//   Lines:  # comment      default ACTION      ACTION CALL...      the actions: allow, deny, kill, supervise.
//           A later line counts more than an earlier one.
//   The JSON that docker and podman take (seccomp), with the actions SCMP_ACT_ALLOW, SCMP_ACT_ERRNO (EPERM),
//   SCMP_ACT_KILL* and SCMP_ACT_NOTIFY (supervise). There the first entry that names a call counts. Names that are not known here are reported: they
//   stand for calls that do not exist, so the default decides about nothing. Conditions on arguments are refused.
#pragma once

#include <string>

#include "cv6/gate.hpp"

namespace cv6::box {

struct Rules {
  CallSet denied{}, fatal{}, supervised{};
  bool operator==(const Rules&) const = default;
};

// Throws Failure; says on standard error which names it does not know.
Rules read_policy_file(const std::string& path);

// The lines for an allow list: everything but `allowed` is denied.
std::string allow_list(const CallSet& allowed, const std::string& comment);
// The lines for any rules, the shorter way.
std::string lines_for(const Rules& rules);

}  // namespace cv6::box
