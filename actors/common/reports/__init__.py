"""Reports: the installation's health for its admins, and each society's figures of yesterday for its officers."""
