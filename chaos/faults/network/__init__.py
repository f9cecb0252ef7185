"""How packets are chosen, held, refused and lost, and how names fail: raw netlink, standard library only."""
