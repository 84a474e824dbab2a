#include "configuration.hpp"

#include <cstdlib>

#include "cv6/container.hpp"
#include "failure.hpp"

namespace cv6::box {

void Program::add_to(CLI::App& word) {
  word.add_option("-e,--env", environment, "NAME=VALUE for the program's environment; NAME alone: as it is here")
      ->allow_extra_args(false);
  word.add_option("-w,--workdir", directory, "where the program starts");
  word.add_option("-u,--user", user, "who runs it: name or number, perhaps with `:GROUP`");
}

void Program::complete() {
  std::vector<std::string> complete;
  for (const std::string& variable : environment) {
    if (variable.empty() || variable.front() == '=') throw Failure("-e " + variable + ": NAME=VALUE is wanted");
    if (variable.find('=') != std::string::npos)
      complete.push_back(variable);
    else if (const char* value = std::getenv(variable.c_str()))
      complete.push_back(variable + "=" + value);
  }
  environment = complete;
  if (!directory.empty() && directory.front() != '/') throw Failure("-w " + directory + ": a path that begins with / is wanted");
}

Json to_json(const Program& program) {
  Json json = {{"command", program.words}, {"environment", program.environment}, {"directory", program.directory}, {"user", program.user}};
  if (!program.image.empty()) json["image"] = program.image;
  if (!program.volumes.empty()) json["volumes"] = program.volumes;
  if (program.terminal) json["terminal"] = true;
  return json;
}

void remember(int container, const Program& program) {
  std::string text = to_exact_json(to_json(program)).dump();
  ContainerAnnotation note;
  note.id = container;
  note.operation = ContainerAnnotation::Operation::set;
  note.text = text.data();
  note.size = text.size();
  if (text.size() > ContainerAnnotation::longest) throw Failure("the program's arguments and environment are too long to be kept");
  if (container_annotation(note) < 0) throw system_failure("the container's description");
}

Program program_from(const Json& json) {
  Program program;
  program.words = json.value("command", std::vector<std::string>());
  program.environment = json.value("environment", std::vector<std::string>());
  program.directory = json.value("directory", "");
  program.user = json.value("user", "");
  program.image = json.value("image", "");
  program.terminal = json.value("terminal", false);
  program.volumes = json.value("volumes", std::vector<std::string>());
  return program;
}

std::optional<Program> find_program(const ContainerStat& container) {
  std::string text(ContainerAnnotation::longest, '\0');
  ContainerAnnotation note;
  note.id = container.id;
  note.text = text.data();
  note.size = text.size();
  const int size = container_annotation(note);
  if (size < 0) throw system_failure(container.name);
  text.resize(static_cast<std::size_t>(size));
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("command")) return std::nullopt;
  try {
    return program_from(from_exact_json(json));
  } catch (const Json::exception&) {
    throw Failure(std::string(container.name) +
                  ": what is kept with it about its program is damaged (make it again: `box rm`, `box create`)");
  }
}

Program recall(const ContainerStat& container) {
  if (auto program = find_program(container)) return *program;
  throw Failure(std::string(container.name) + ": box did not make it, so it knows no program for it (use `box exec`)");
}

}  // namespace cv6::box
