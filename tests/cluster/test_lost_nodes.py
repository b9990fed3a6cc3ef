"""Nodes are killed, hang and come back while clients of three banks move money: nothing lost, nothing doubled."""

SOME = 150


def test_all_banks_write_to_one_node(cluster, serve, under_load, busy_for):
    """For comparison: the others follow, and nobody is in anybody's way."""
    with (
        serve(cluster.nodes) as one,
        serve(cluster.nodes) as two,
        serve(cluster.nodes) as three,
        under_load("all banks on one node", [one, two, three]) as journals,
    ):
        busy_for(journals, 3 * SOME)


def test_every_bank_writes_to_a_node_of_its_own(banks, under_load, busy_for):
    with under_load("a node for each bank", banks) as journals:
        busy_for(journals, 3 * SOME)


def test_every_bank_writes_to_a_node_of_its_own_and_half_goes_into_one_account(banks, under_load, busy_for):
    with under_load("the same, half into one account", banks, hot=0.5) as journals:
        busy_for(journals, SOME)


def test_a_node_is_killed_and_comes_back(cluster, banks, under_load, busy_for, readiness, until):
    lost = cluster.nodes[2]
    with under_load("a node killed, and back", banks) as journals:
        busy_for(journals, SOME)
        lost.kill()
        busy_for(journals, SOME)
        assert [readiness(bank) for bank in banks] == [200] * 3
        cluster.bring_back(lost)
        busy_for(journals, SOME)


def test_a_node_hangs_and_comes_to(cluster, banks, under_load, busy_for, until):
    hung = cluster.nodes[1]
    with under_load("a node hung, and back", banks) as journals:
        busy_for(journals, SOME)
        hung.pause()
        try:
            busy_for(journals, SOME)
        finally:
            hung.resume()
        # Asked at once, it would still tell how things stood before: the others have to take it in again.
        until(lambda: cluster.nodes[0].status().get("wsrep_cluster_size") == "3", seconds=60)
        hung.wait(size=3)
        busy_for(journals, SOME)


def test_a_majority_is_killed_and_comes_back(cluster, banks, under_load, busy_for, readiness, until):
    """The node that is left knows that it is in a minority, its banks that they cannot serve: nothing is written."""
    left, *lost = cluster.nodes
    with under_load("a majority killed, and back", banks) as journals:
        busy_for(journals, SOME)
        for node in lost:
            node.kill()
        until(lambda: left.status().get("wsrep_cluster_status") == "non-Primary", seconds=60)
        assert [readiness(bank) for bank in banks] == [503] * 3
        cluster.bring_back(*lost)
        busy_for(journals, SOME)
        assert [readiness(bank) for bank in banks] == [200] * 3


def test_every_node_is_killed_and_comes_back(cluster, banks, under_load, busy_for, readiness, until):
    with under_load("all nodes killed, and back", banks) as journals:
        busy_for(journals, SOME)
        for node in cluster.nodes:
            node.kill()
        assert [readiness(bank) for bank in banks] == [503] * 3
        cluster.bring_all_back()
        busy_for(journals, SOME)
