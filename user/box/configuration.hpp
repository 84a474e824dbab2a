// What box remembers about a container that it made: the program, and how it is to be started. The kernel keeps it with the
// container (container_annotation), as JSON.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cv6/container.hpp"
#include "json.hpp"

namespace cv6::box {

// A program to be started inside.
struct Program {
  std::vector<std::string> words;        // itself and its arguments
  std::vector<std::string> environment;  // -e: NAME=VALUE, beside what every program gets
  std::string directory;                 // -w; empty: "/"
  std::string user;                      // -u: a name or number, perhaps with `:` and a group; empty: root
  std::string image;                     // whose files it sees; empty: the host's
  std::vector<std::string> volumes;      // -v
  bool terminal = false;                 // -t: one of its own, when it is started in the background

  // -e, -w, -u.
  void add_to(CLI::App& word);
  // NAME alone becomes NAME=VALUE as box has it in its own environment. Throws Failure.
  void complete();
};

Json to_json(const Program& program);    // its strings may have any bytes: json_text() shows it, to_exact_json() keeps it
Program program_from(const Json& json);  // what it does not say is empty; throws Json::exception: it says something else

void remember(int container, const Program& program);
std::optional<Program> find_program(const ContainerStat& container);  // none: box has not made the container
Program recall(const ContainerStat& container);                       // throws Failure then

}  // namespace cv6::box
