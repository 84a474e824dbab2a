// cv6, booted by the project's own `./cv6 run`: the release build with the root that ships, the programs added to it.
#pragma once

#include "system.hpp"

namespace cv6::bench {

class Cv6System final : public System {
 public:
  /// `project` is the folder of the sources, where the command `cv6` is.
  Cv6System(std::filesystem::path project, Programs programs)
      : project_(std::move(project)), programs_(std::move(programs)) {}

  Outcome<> run_program(const Setup& setup, const std::vector<std::string>& command, const LineReader& reader) override;
  Outcome<> run_init(const std::string& program, const LineReader& reader) override;
  Outcome<bool> shell_works(unsigned megabytes) override;

 private:
  [[nodiscard]] std::vector<std::string> machine(const Setup& setup) const;

  std::filesystem::path project_;
  Programs programs_;
};

}  // namespace cv6::bench
