// Going through the attributes of netlink answers.
#pragma once

#include <libmnl/libmnl.h>

namespace berth::network {

template <class F>
int call_with_attribute(const nlattr* attribute, void* use) {
    (*static_cast<F*>(use))(attribute);
    return MNL_CB_OK;
}

// use(const nlattr*) for each attribute behind the family's header of `header_size` bytes.
template <class F>
void each_attribute(const nlmsghdr& message, std::size_t header_size, F use) {
    mnl_attr_parse(&message, static_cast<unsigned>(header_size), call_with_attribute<F>, &use);
}

template <class F>
void each_member(const nlattr* nest, F use) {
    mnl_attr_parse_nested(nest, call_with_attribute<F>, &use);
}

} // namespace berth::network
