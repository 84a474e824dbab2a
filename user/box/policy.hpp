// `box policy`, and the options of `box run` about system calls.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "policy_file.hpp"

namespace cv6::box {

struct PolicyOptions {
  std::string file;
  std::vector<std::string> deny, allow;  // names, after the file and in this order
  bool learn = false;                    // count calls from the start

  void add_to(CLI::App& word);
};
// Reads or changes the rules of a container; those that the call answers with. Throws Failure.
Rules change_rules(int id, ContainerPolicy::Operation operation, const Rules& rules);
// Throws Failure.
void apply_policy(int id, const PolicyOptions& options);

}  // namespace cv6::box
