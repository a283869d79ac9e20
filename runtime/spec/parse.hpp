// The parsers of the parts of config.json; used by parse_spec only.
#pragma once

#include "runtime/spec/fields.hpp"
#include "runtime/spec/spec.hpp"

#include <sys/mount.h>

namespace berth::runtime {

void parse_process(const Fields& fields, Spec& spec);
void parse_linux(const Fields& fields, Spec& spec);

} // namespace berth::runtime
