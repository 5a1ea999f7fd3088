//! Places so large that living there says little.

/// Cities of about a million people and more.
pub(super) fn cities() -> impl Iterator<Item = &'static str> {
    CITIES.split('|')
}

/// Whether this is short for one of the United States or the District of Columbia.
pub(super) fn is_state(word: &str) -> bool {
    STATES.split(' ').any(|state| state == word)
}

const CITIES: &str = "Amsterdam|Ankara|Antwerp|Athens|Atlanta|Austin|Bangalore|Bangkok|Barcelona|Beijing|Belgrade|Bengaluru|\
    Berlin|Birmingham|Bogotá|Boston|Brisbane|Brussels|Bucharest|Budapest|Buenos Aires|Cairo|Calgary|Cape Town|\
    Chennai|Chicago|Cologne|Copenhagen|Dallas|Delhi|Denver|Detroit|Dhaka|Dubai|Dublin|Durban|Frankfurt|Glasgow|\
    Guadalajara|Hamburg|Hanoi|Helsinki|Hong Kong|Houston|Hyderabad|Istanbul|Jakarta|Johannesburg|Karachi|Kiev|\
    Kolkata|Kuala Lumpur|Kyiv|Köln|Lagos|Lahore|Leeds|Lima|Lisboa|Lisbon|London|Los Angeles|Lyon|Madrid|\
    Manchester|Manila|Marseille|Melbourne|Mexico City|Miami|Milan|Milano|Monterrey|Montreal|Montréal|Moscow|\
    Mumbai|Munich|München|Nairobi|Naples|Napoli|New Delhi|New York|Osaka|Oslo|Ottawa|Paris|Perth|Philadelphia|\
    Phoenix|Porto|Prague|Pune|Rio de Janeiro|Roma|Rome|Rotterdam|San Antonio|San Diego|San Francisco|Santiago|\
    Seattle|Seoul|Shanghai|Singapore|Sofia|Stockholm|Stuttgart|Sydney|São Paulo|Taipei|Tokyo|Toronto|Turin|\
    Vancouver|Vienna|Warsaw|Wien|Zürich";

const STATES: &str = "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM \
    NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC";
