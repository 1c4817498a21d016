//! The head of a household, and what the others are to the head, from who is whose parent and spouse.

use crate::base::seed::Draws;
use crate::simulation::names::Sex;

use super::member::Member;

/// One of the married at home, mostly a man and the elder generation as often as the younger; else the oldest.
pub(super) fn draw_head(members: &[Member], draws: &mut Draws) -> Option<usize> {
    let at_home = |at: &usize| members[*at].is_at_home();
    let husbands: Vec<usize> = (0..members.len())
        .filter(at_home)
        .filter(|at| members[*at].sex == Sex::Male && members[*at].spouse.is_some())
        .collect();
    let wife_heads = draws.chance(0.17);
    match draws.pick(&husbands) {
        Some(husband) if wife_heads => members[*husband].spouse,
        Some(husband) => Some(*husband),
        None => (0..members.len()).filter(at_home).min_by_key(|at| members[*at].birth),
    }
}

/// Writes the relation of everybody to the head.
pub(super) fn relate(members: &mut [Member], head: Option<usize>) {
    let Some(head) = head else { return };
    let relations: Vec<_> = (0..members.len()).map(|at| relation(members, at, head)).collect();
    for (member, relation) in members.iter_mut().zip(relations) {
        member.relation = relation;
    }
}

fn relation(members: &[Member], at: usize, head: usize) -> &'static str {
    let parents = |of: usize| [members[of].father, members[of].mother].into_iter().flatten();
    let is_child = |child: usize, of: usize| parents(child).any(|parent| parent == of);
    if at == head {
        "head"
    } else if members[at].spouse == Some(head) {
        "spouse"
    } else if is_child(at, head) {
        "child"
    } else if is_child(head, at) {
        "parent"
    } else if parents(at).any(|parent| is_child(head, parent)) {
        "sibling"
    } else if parents(at).any(|parent| is_child(parent, head)) {
        "grandchild"
    } else if parents(head).any(|parent| is_child(parent, at)) {
        "grandparent"
    } else if members[at].spouse.is_some_and(|spouse| is_child(spouse, head)) {
        "child_in_law"
    } else {
        "other"
    }
}
