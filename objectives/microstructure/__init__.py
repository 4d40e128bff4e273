"""An electrode in three dimensions: voxels of its phases, their transport networks, and what it conducts."""
