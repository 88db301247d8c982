//! An export as a CRM writes it, of any length.

use std::{fs::File, io::BufWriter, path::Path};

pub const HEADERS: [&str; 18] = [
    "Record ID",
    "First Name",
    "Last Name",
    "Email",
    "Phone Number",
    "Job Title",
    "Seniority",
    "Company Name",
    "Industry",
    "Number of Employees",
    "Country/Region",
    "City",
    "Time Zone",
    "Lifecycle Stage",
    "Lead Status",
    "Create Date",
    "Marketing consent",
    "Consent date",
];

/// Returns its size in bytes.
pub fn write(file: &Path, rows: usize) -> u64 {
    let mut writer = csv::Writer::from_writer(BufWriter::new(File::create(file).expect("a file")));
    writer.write_record(HEADERS).expect("written");
    let pick = |from: &[&str], number: usize| from[number % from.len()].to_owned();
    for number in 0..rows {
        // Addresses in no order, as a CRM's are.
        let mixed = number.wrapping_mul(2_654_435_761) % 4_294_967_296;
        writer
            .write_record([
                format!("{}", 100_000 + number),
                pick(&["Ada", "Ben", "Chiara", "Dora", "Émile"], mixed >> 3),
                pick(&["Rossi", "Weber", "Bianchi", "Martin", "Müller"], mixed >> 5),
                format!("lead.{mixed:x}@company{}.example.com", mixed % 20_000),
                format!("+39 02 {:07}", mixed % 10_000_000),
                pick(
                    &["Head of Operations", "Software Engineer", "CTO", "Marketing, Events"],
                    mixed >> 7,
                ),
                pick(&["c_suite", "vp", "director", "manager", ""], mixed >> 2),
                format!("Company {} SpA", mixed % 20_000),
                pick(&["Software", "Retail", "Logistics", ""], mixed >> 4),
                pick(&["1-9", "10-49", "50-199", "200-499", "500-999", "2000+"], mixed >> 6),
                pick(&["Italy", "Germany", "France", "Spain"], mixed >> 8),
                pick(&["Milano", "Berlin", "Lyon", "Madrid"], mixed >> 8),
                pick(
                    &["Europe/Rome", "Europe/Berlin", "Europe/Paris", "Europe/Madrid"],
                    mixed >> 8,
                ),
                pick(
                    &["lead", "marketingqualifiedlead", "salesqualifiedlead", "customer"],
                    mixed >> 9,
                ),
                pick(&["New", "In progress", "Not now", "No answer", ""], mixed >> 10),
                format!("202{}-0{}-1{}", mixed % 6, 1 + mixed % 9, mixed % 10),
                pick(&["yes", "no", "yes", ""], mixed >> 11),
                format!("202{}-0{}-2{}", mixed % 6, 1 + mixed % 9, mixed % 9),
            ])
            .expect("written");
    }
    writer
        .into_inner()
        .expect("written")
        .into_inner()
        .expect("written")
        .metadata()
        .map_or(0, |file| file.len())
}
