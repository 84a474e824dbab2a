// `box policy`, and the options of `box run` about system calls.
#pragma once

#include <string>
#include <vector>

namespace cv6::box {

struct PolicyOptions {
  std::string file;
  std::vector<std::string> deny, allow;  // names, after the file and in this order
  bool learn = false;                    // count calls from the start
};
// Throws Failure.
void apply_policy(int id, const PolicyOptions& options);

void show_policy(const std::string& container);
void change_policy(const std::string& container, const std::vector<std::string>& calls, bool allowed);
// What the container has called since counting began, as a policy: to `output`, or standard output.
void write_learned_policy(const std::string& container, const std::string& output);

}  // namespace cv6::box
