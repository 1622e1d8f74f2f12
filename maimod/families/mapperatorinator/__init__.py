"""The published Mapperatorinator checkpoints, V29 to V32."""
