//! Names to take in the place of others: real ones that are rare, and made-up ones of places, firms and accounts. None
//! begins another one, whatever list it is on (tested), so that a word is one at most.

/// Which names a kind's values get. Each name is given once in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pool {
    People,
    Firms,
    Places,
    Accounts,
    Phones,
}
pub(super) const POOLS: usize = 5;

impl Pool {
    /// How many there are.
    pub(super) fn len(self) -> u32 {
        match self {
            Self::People => 64,
            Self::Firms | Self::Places | Self::Accounts => 256,
            Self::Phones => 800,
        }
    }
}

/// Given names, one for each that the family names go with.
const FEMALE: &str = "Ingrid Sunniva Solveig Ragnhild Ottilie Liesbeth Gundula Mechthild Rosamund Philippa Delphine \
    Apolline Eulalie Oriane Noemie Ludmila Zdenka Bozena Danuta Jadwiga Marzena Halina Ilonka Piroska Ildiko Aurelija \
    Daiva Livija Tuulikki Sinikka Signild Hedvig Torunn Annelise Marijke Geertje Femke Fiorella Ornella Loredana \
    Graziella Mafalda Xiomara Yesenia Nayeli Itzel Anahera Marama Chidinma Folasade Adaeze Wanjiru Makena Thandiwe \
    Zanele Parvathi Sumitra Lakshmika Eszter Kinga Mirela Snezhana Dragica Zorica";
const MALE: &str = "Torsten Halvard Sigurd Eskild Gunnar Asbjorn Leifur Reinhold Gerwin Ansgar Eckhart Wendelin \
    Korbinian Thibault Gaspard Anselme Casimir Bohumil Radoslav Zbigniew Wieslaw Tadeusz Mieszko Balint Kalman Gergely \
    Ilmari Jorma Kaarel Raivo Gintaras Vytautas Mindaugas Algirdas Lieven Wouter Sjoerd Diederik Ottavio Ruggero \
    Corrado Ermanno Evaristo Heriberto Fulgencio Wiremu Rawiri Tevita Chukwudi Babatunde Kwabena Kiprono Mandla \
    Sipho Venkatesh Raghunath Somchai Batbayar Tihomir Zvonimir Krasimir Vasile Yaroslav Lubomir";
const EITHER: &str = "Ellery Marlowe Lindell Merritt Winslow Kerrigan Halloran Bellamy Devlin Tierney Ardenne Ashlyn \
    Averill Blakeney Corbyn Dorsey Embry Farrow Finlay Greer Hollis Jarrah Keelan Kinsey Landry Larkin Lorne \
    Maddox Perrin Quillan Remy Ripley Rylan Selby Shiloh Sloane Tatum Teagan Torin Waverley Wynne Yarden Zuri \
    Amarante Bexley Caspen Dallin Emlyn Fennick Garrick Harlan Ismay Jessamy Kestral Lisle Merrick Nairn Orrin \
    Paxton Rowley Sayer Trevin Umber Vaughn";
const FAMILY: &str = "Solberg Haugland Brekke Nygaard Tveit Lindqvist Hallgren Ekstrom Bergstrand Holmquist Aaltonen \
    Koskela Rautio Lehtinen Saarela Vanhala Mikkola Hellwig Brandauer Oberholzer Zumstein Ruegger Kirchhof Eberlein \
    Delacourt Beauchene Marchetti Bellandi Tosatti Corvino Zambelli Belmonte Echevarria Olazabal Iturralde \
    Vasconcelos Figueira Carvalhal Meireles Novotny Havlicek Dvorsky Prochazka Kowalczyk Wojtowicz Brzozowski Halasz \
    Szentesi Vukovic Marinkov Petrakis Stavrou Karagiannis Dimopoulos Okonkwo Adeyinka Mwangale Tamihana Parata \
    Winterbourne Hathersage Thistlewood Ravensdale Eijkman";

/// Beginnings and ends of made-up names.
const BEGINNINGS: &str =
    "Brant Quel Vel Cor Hal Nor Tessel Lund Mard Ost Fen Galm Raven Sel Thorl Wilm";
const OF_PLACES: &str =
    "bury combe dale field ford gate ham leigh mere port ridge stead ton well wick worth";
const OF_FIRMS: &str =
    "antis arix avia edyne elix emark enta eon ertis icor idian imex inova istra onic ovant";
const ADJECTIVES: &str = "quiet amber brisk copper dapper early frosty gentle hazel ivory jolly lunar mellow nimble olive plucky";
const NOUNS: &str = "heron otter badger condor dolphin egret falcon gecko ibis jackal kestrel lynx marten newt osprey puffin";
/// Area codes of the United States.
const AREAS: &str = "202 303 404 505 606 707 808 909";

/// Names of a person.
pub(super) struct People {
    pub(super) female: &'static str,
    pub(super) male: &'static str,
    /// For those of whom it is not known.
    pub(super) either: &'static str,
    pub(super) family: &'static str,
}

/// The people of an index below the pool's length.
pub(super) fn people(index: u32) -> People {
    // Not the same given name with the same family's in each conversation: `index` is both mixed by the seed and
    // turned round here.
    let family = (index * 5 + 3) % 64;
    People {
        female: nth(FEMALE, index),
        male: nth(MALE, index),
        either: nth(EITHER, index),
        family: nth(FAMILY, family),
    }
}

pub(super) fn firm(index: u32) -> String {
    nth(BEGINNINGS, index / 16).to_owned() + nth(OF_FIRMS, index % 16)
}

pub(super) fn place(index: u32) -> String {
    nth(BEGINNINGS, index / 16).to_owned() + nth(OF_PLACES, index % 16)
}

pub(super) fn account(index: u32) -> String {
    nth(ADJECTIVES, index / 16).to_owned() + nth(NOUNS, index % 16)
}

/// Numbers that nobody has: 555-0100 to 555-0199 of an area, kept for stories.
pub(super) fn phone(index: u32) -> String {
    format!("{}-555-01{:02}", nth(AREAS, index / 100), index % 100)
}

fn nth(list: &'static str, index: u32) -> &'static str {
    list.split(' ').nth(index as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_begins_another() {
        let mut names = BTreeSet::new();
        let mut count = 0;
        let mut add = |name: String| {
            assert!(name.len() >= 4, "{name}");
            assert!(
                name.bytes().all(|byte| byte.is_ascii_alphabetic()),
                "{name}"
            );
            names.insert(name.to_lowercase());
            count += 1;
        };
        for index in 0..64 {
            let People {
                female,
                male,
                either,
                family,
            } = people(index);
            [female, male, either, family]
                .into_iter()
                .for_each(|name| add(name.to_owned()));
        }
        for index in 0..256 {
            [firm(index), place(index), account(index)]
                .into_iter()
                .for_each(&mut add);
        }
        assert_eq!(names.len(), count);
        let names: Vec<String> = names.into_iter().collect();
        for pair in names.windows(2) {
            assert!(!pair[1].starts_with(&pair[0]), "{pair:?}");
        }
    }

    #[test]
    fn every_pool_has_its_length() {
        let phones: BTreeSet<String> = (0..Pool::Phones.len()).map(phone).collect();
        assert_eq!(phones.len(), 800);
        for list in [FEMALE, MALE, EITHER, FAMILY] {
            assert_eq!(list.split(' ').count(), 64);
        }
    }
}
