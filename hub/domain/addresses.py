"""Which addresses on the network the hub may call for somebody else: those anybody could reach, none of its own surroundings (pure)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

#: Public by their numbers and yet of a cloud's inside: who asks them is told secrets.
_METADATA = frozenset({IPv4Address("168.63.129.16"), IPv4Address("169.254.169.254"), IPv4Address("100.100.100.200")})
#: IPv6 that carries an IPv4 address, and how many bits stand behind it.
_CARRIERS = (
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # translated (SIIT)
    (IPv6Network("::/96"), 0),  # compatible
)
#: Tunnels and translations whose inside cannot be told.
_OPAQUE = (IPv6Network("2001::/32"), IPv6Network("64:ff9b:1::/48"), IPv6Network("2001:20::/28"))


def refused_address(text: str) -> str:
    """Why an address may not be called; empty where it may. A scope (``%eth0``) makes it one of this machine's neighbours."""
    try:
        address = ip_address(text)
    except ValueError:
        return "no address"
    if isinstance(address, IPv6Address):
        return _refused6(address)
    return _refused4(address)


def _refused4(address: IPv4Address) -> str:
    for met, why in (
        (address in _METADATA, "metadata"),
        (address.is_loopback, "loopback"),
        (address.is_link_local, "link-local"),
        (address.is_multicast, "multicast"),
        (address.is_unspecified, "unspecified"),
        (address.is_reserved, "reserved"),
        # Carrier-grade NAT, test networks, private ones: whatever the registry does not call global.
        (not address.is_global, "private"),
    ):
        if met:
            return why
    return ""


def _refused6(address: IPv6Address) -> str:
    if address.scope_id is not None:
        return "link-local"
    if address.is_loopback:
        return "loopback"
    if address.is_unspecified:
        return "unspecified"
    for network, behind in _CARRIERS:
        if address in network:
            return _refused4(IPv4Address(int(address) >> behind & 0xFFFF_FFFF))
    for met, why in (
        (any(address in network for network in _OPAQUE), "tunnel"),
        (address.is_link_local, "link-local"),
        (address.is_multicast, "multicast"),
        (address.is_site_local, "private"),
        # Everything given out lies in 2000::/3; unique local addresses (fc00::/7) do not.
        (not address.is_global or address not in _GIVEN_OUT, "private"),
    ):
        if met:
            return why
    return ""


_GIVEN_OUT = IPv6Network("2000::/3")
