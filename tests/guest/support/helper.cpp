#include "support/helper.hpp"

namespace cv6::guest {

namespace {

constinit const Helper* first_helper = nullptr;

}  // namespace

Helper::Helper(std::string_view helper_name, HelperFunction helper_function)
    : name(helper_name), function(helper_function), next(first_helper) {
  first_helper = this;
}

HelperFunction find_helper(std::string_view name) {
  for (const Helper* helper = first_helper; helper; helper = helper->next) {
    if (helper->name == name) return helper->function;
  }
  return nullptr;
}

}  // namespace cv6::guest
