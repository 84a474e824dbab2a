// What box remembers about a container that it made: the program, and how it is to be started. The kernel keeps it with the
// container (container_annotation), as JSON.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cv6::box {

using Json = nlohmann::ordered_json;

// A program to be started inside.
struct Program {
  std::vector<std::string> words;        // itself and its arguments
  std::vector<std::string> environment;  // -e: NAME=VALUE, beside what every program gets
  std::string directory;                 // -w; empty: "/"
  std::string user;                      // -u: a name or number, perhaps with `:` and a group; empty: root
  std::string image;                     // whose files it sees; empty: the host's
  std::vector<std::string> volumes;      // -v

  // -e, -w, -u.
  void add_to(CLI::App& word);
  // NAME alone becomes NAME=VALUE as box has it in its own environment. Throws Failure.
  void complete();
};

void remember(int container, const Program& program);
// Throws Failure: box has not made the container.
Program recall(int container, const std::string& name);
Json to_json(const Program& program);

}  // namespace cv6::box
