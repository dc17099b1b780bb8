#!/bin/sh
# Two network namespaces joined by a wire, to try the examples of this folder in: `wire.sh up NAME`, `wire.sh down NAME`.
# In NAME lives what is hit (10.77.0.2), in NAME-peer who it talks to (10.77.0.1, its gateway). Needs root.
set -e
name=${2:?wire.sh up|down NAME}
if [ "$1" = down ]; then
  ip netns del "$name"
  ip netns del "$name-peer"
  exit
fi
ip netns add "$name"
ip netns add "$name-peer"
ip -n "$name" link add eth0 type veth peer name eth0 netns "$name-peer"
for at in "$name" "$name-peer"; do
  ip -n "$at" link set lo up
  ip -n "$at" link set eth0 up
done
ip -n "$name" addr add 10.77.0.2/24 dev eth0
ip -n "$name-peer" addr add 10.77.0.1/24 dev eth0
ip -n "$name" route add default via 10.77.0.1
