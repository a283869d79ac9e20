// {fmt} compiled into the shim: Debian has it as a shared library only, and the shim is linked statically.
#include <fmt/format-inl.h>

// The templates that the headers declare and leave to the library.
template char fmt::detail::decimal_point_impl<char>(locale_ref);
template fmt::detail::thousands_sep_result<char> fmt::detail::thousands_sep_impl<char>(locale_ref);
