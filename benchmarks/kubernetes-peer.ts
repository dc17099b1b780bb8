/** What Chaos Mesh says of itself, to read the figures by. Not measured here: its images cannot be had everywhere. */
export const chaosMesh = `
Chaos Mesh, as published, not measured here:
  effect of a network fault        visible within 15 s (time-out of its end-to-end tests, v2.8)
  effect of StressChaos            visible within 15 s (the same)
  calls for each pod               3 and more of NetworkChaos, at 30 calls a second (client QPS of values.yaml, v2.8.3; counted in source)
  6,000 pods for 5 minutes         not finished, went on for about an hour (chaos-mesh/chaos-mesh#4776)
  controller                       3 replicas, requests 25m CPU and 256Mi each, no limits (values.yaml, v2.8.3)
  daemon                           requests 100m CPU and 256Mi on each node in the profile light, no limit (values.yaml, HEAD)
  controller memory                grows, to 100 Gi in one report (chaos-mesh/chaos-mesh#3911)`;
