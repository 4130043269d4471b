"""One machine's recogniser: models, speech detection, batching, and the node's app. The only room with torch."""
