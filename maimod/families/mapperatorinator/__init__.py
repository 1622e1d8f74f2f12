"""The Mapperatorinator family: the published checkpoints V29 to V32."""
